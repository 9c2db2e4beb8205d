"""One configuration of a ranking, told in a line or a row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from espalier.analysis.comparing.best_per import best_by
from espalier.analysis.confidence import Interval, Verdict, has_spread
from espalier.analysis.multiple_best import pair_level
from espalier.analysis.multiple_tests import more_seeds
from espalier.analysis.rank import Configuration, Ranking, TrialResult, swept_values
from espalier.core.measures import FLOPS_TOTAL, TEST_ACC, VAL_ACC, VAL_LOSS, Measure
from espalier.core.trial import Status

FAR = 10_000
"""Seeds: more are out of reach, and their number is a guess."""
ACCURACIES = (VAL_ACC, TEST_ACC)
"""What every report shows, whatever ranks."""


def settings(values: Mapping[str, str], prefix: str = "CONFIG_") -> list[str]:
    """Return symbols with their values, as `CONFIG_SEED=1`."""
    return [f"{prefix}{name}={text}" for name, text in values.items()]


def format_interval(value: Interval | None, by: Measure, sign: str = "") -> str:
    """Return a mean with its interval, as `88.51% +/- 0.40 (n=3)`; no spread, no interval.

    `sign` is `+` for a difference.
    """
    if value is None:
        return "n/a"
    mean = by.with_unit(value.mean, sign)
    if value.half_width is None:
        return f"{mean} (n=1: no interval)"
    if value.spread is None:  # a few equal scores do not make a sure one
        return f"{mean} (n={value.n}, no spread)"
    return f"{mean} +/- {by.number(value.spread)} (n={value.n})"


def format_measure(item: Configuration, by: Measure) -> str:
    """Return the mean of a measure that can rank, with its interval."""
    return format_interval(item.measure(by.name), by)


def loss_lines(item: Configuration, ranking: Ranking) -> list[str]:
    """Return lines on what ranks, where that is no accuracy, and on the loss of a text.

    The latter stands beside what no table of characters or of pairs can beat.
    """
    floors = _floors(item)
    shown = dict.fromkeys(_others(ranking) + [VAL_LOSS] * bool(floors))
    texts = {by: format_measure(item, by) + floors * (by == VAL_LOSS) for by in shown}
    return [f"{by.label.title()}: {text}" for by, text in texts.items()]


def _floors(item: Configuration) -> str:
    unigram, bigram = item.measure("floor_unigram"), item.measure("floor_bigram")
    if unigram is None or bigram is None:
        return ""
    least = f"unigram {VAL_LOSS.number(unigram.mean)}, bigram {VAL_LOSS.number(bigram.mean)}"
    return f" a character; floors: {least}"


def describe_flaws(item: Configuration, ranking: Ranking) -> str:
    """Return what a reader must know about a ranked configuration; empty for a plain one."""
    remarks = flaws(item, ranking.measure)
    if ranking.best and item.samples != ranking.best.samples:
        remarks.append("other validation samples than the best's")
    elif ranking.level(item):
        remarks.append("same score as the best, later in the plan")
    elif item is ranking.best:
        remarks += ["behind another that lacks seeds"] * (item.verdict is Verdict.BEHIND)
    elif item.verdict is Verdict.BEHIND:
        remarks.append("behind the best")
    elif item.verdict is Verdict.TIED and item.lead:
        remarks.append(_undecided(item.lead, ranking))
    return "; ".join(remarks)


def _undecided(lead: Interval, ranking: Ranking) -> str:
    """Return that a configuration is not told from the best, and how many more seeds might."""
    said = f"not distinguishable from the best (n={lead.n}"
    if ranking.raced or lead.mean <= 0 or not has_spread(lead):
        return f"{said})"
    return f"{said}; {describe_more_seeds(more_seeds(lead, pair_level(ranking.tested)))})"


def difference_to_best(item: Configuration, by: Measure) -> Interval | None:
    """Return configuration minus best, in the measure's own direction; None without a pair."""
    return item.lead and replace(item.lead, mean=-by.sign * item.lead.mean)


def describe_more_seeds(more: float) -> str:
    """Return about how many more seeds, or that they are out of reach."""
    if more > FAR:
        return f"more than {FAR:,} more seeds"
    return f"about {more:,} more seed{'s' * (more != 1)}"


def flaws(item: Configuration, by: Measure) -> list[str]:
    """Return what is wrong with a score: a target that was missed, seeds that are missing."""
    missed = [describe_missed_target(item)] if item.short else []
    return missed if item.complete else [*missed, describe_missing_seeds(item, by)]


def describe_missed_target(item: Configuration) -> str:
    """Return the target sparsity of a configuration that missed it, and the least it reached."""
    worst = max(item.short, key=lambda trial: trial.shortfall)
    reached = f"{(worst.target - worst.shortfall) * 100:.1f}%"
    some = f" in {len(item.short)} of {len(item.scores)} trials"
    text = f"target sparsity {format_share(worst.target)} not reached: {reached}"
    return text + some * (len(item.short) < len(item.scores))


def format_share(value: float) -> str:
    """Return a share as a percentage, with one decimal or as many as it takes to be exact."""
    text = f"{value * 100:.1f}"
    return (text if abs(float(text) - value * 100) < 1e-6 else f"{value * 100:.8g}") + "%"


def best_per_target(ranking: Ranking) -> list[str]:
    """Return the best configuration for each target sparsity, if there are several; 0 is unpruned.

    Else the best of all would nearly always be one that prunes little.
    """
    best = best_by(ranking.ranked, lambda item: round(item.counted[0].target, 9))
    if len(best) < 2:
        return []
    lines = [_target(target, item, ranking) for target, item in sorted(best.items())]
    return ["BEST PER TARGET SPARSITY:", "-" * 40, *lines, ""]


def _target(target: float, item: Configuration, ranking: Ranking) -> str:
    name = format_share(target) if target else "unpruned"
    line = (
        f"{name}: {item.first.name} | Val Acc: {format_measure(item, VAL_ACC)}"
        f" | Test Acc: {format_mean(item, 'test_acc', '.2f', '%')}"
    )
    others = [f"{by.short.title()}: {format_measure(item, by)}" for by in _others(ranking)]
    return " | ".join([line, *others, *flaws(item, ranking.measure)])


def shown_measures(ranking: Ranking) -> list[Measure]:
    """Return the measures that a table has: what ranks and the accuracies, each once."""
    return [*_others(ranking), *ACCURACIES]


def _others(ranking: Ranking) -> list[Measure]:
    """Return the measures of the ranking that are not shown anyway."""
    shown = {by.name for by in ACCURACIES}
    return [by for by in ranking.measures if by.name not in shown]


def describe_missing_seeds(item: Configuration, by: Measure) -> str:
    """Return how many of the planned seeds are behind the score, and why not all."""
    count = f"{len(item.scores)} of {len(item.results)} seeds"
    numberless = len(passed_without(item))
    lost = len(item.results) - len(item.scores) - item.pending - numberless
    reasons = {
        "did not pass": lost,
        f"passed without a finite {by.label}": numberless,
        "not run yet": item.pending,
    }
    rest = [f"{count} {reason}" for reason, count in reasons.items() if count]
    return f"INCOMPLETE: {count} ({', '.join(rest)})"


def passed_without(item: Configuration) -> list[TrialResult]:
    """Return the trials that passed and yet have no finite number of what ranks."""
    counted = {trial.draw for trial in item.counted}
    passed = [trial for trial in item.results if trial.result.status is Status.PASSED]
    return [trial for trial in passed if trial.draw not in counted]


def ranking_table(ranking: Ranking, top: int) -> list[list[str]]:
    """Return the `top` configurations as a table, heading first."""
    scores = [by.short for by in shown_measures(ranking)]
    costs = [FLOPS_TOTAL.short] if counts_flops(ranking) else []
    heading = ["#", "config", *scores, "sparsity", "time", *costs, "parameters", "note"]
    rows = [_cells(place, item, ranking) for place, item in enumerate(ranking.ranked[:top], 1)]
    return [heading, *rows]


def _cells(place: int, item: Configuration, ranking: Ranking) -> list[str]:
    return [
        str(place),
        item.first.name,
        *(format_measure(item, by) for by in shown_measures(ranking)),
        format_sparsity(item),
        format_mean(item, "total_time", ".1f", "s"),
        *([format_flops(item)] if counts_flops(ranking) else []),
        " ".join(settings(swept_values(item.first), "")),
        describe_flaws(item, ranking),
    ]


def format_mean(item: Configuration, name: str, form: str, unit: str) -> str:
    """Return the mean of a measure, without its interval."""
    interval = item.measure(name)
    return "n/a" if interval is None else format(interval.mean, form) + unit


def format_sparsity(item: Configuration) -> str:
    """Return the mean sparsity reached."""
    sparsity = item.measure("final_sparsity")
    return "n/a" if sparsity is None else f"{sparsity.mean * 100:.1f}%"


def counts_flops(ranking: Ranking) -> bool:
    """Return whether some configuration says how many operations it took."""
    return any(item.measure(FLOPS_TOTAL.name) for item in ranking.ranked)


def format_flops(item: Configuration) -> str:
    """Return the mean number of floating-point operations of a run, as 1.23e+09."""
    return format_mean(item, FLOPS_TOTAL.name, ".3g", "")


def describe_flops(item: Configuration, ranking: Ranking) -> str:
    """Return the operations of a run behind other measures; empty where no configuration counts."""
    return f" | FLOPs: {format_flops(item)}" if counts_flops(ranking) else ""
