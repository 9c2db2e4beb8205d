"""sweep_analysis.txt: the ranking for people, in the form of the sweep guide.

The guide's lines are kept to the letter; what it does not have (intervals, seeds, failures, what
to do next) stands on lines of its own. Plain ASCII, so that any terminal shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from espalier.analysis.caveats import notes
from espalier.analysis.confidence import Verdict
from espalier.analysis.rank import SLACK, Configuration, Ranking, TrialResult, rank, swept_values
from espalier.core.measures import MEASURES, VAL_ACC
from espalier.core.trial import Status, Trial
from espalier.report.ranking_rows import (
    ACCURACIES,
    LINE,
    by_target,
    losses,
    mean,
    missing,
    note,
    percent,
    share,
    spread_of,
    unmet,
)

RULE = "=" * 60
TOP = 10
LISTED = 50  # failed trials listed one by one; the others are in sweep_summary.json

UNCLEAR = "Not compared with it (under 2 common seeds, or one difference on all)"


def analysis(
    results: Sequence[TrialResult],
    by: str,
    log: Callable[[Trial], str],
    refused: int = 0,
    more: Sequence[Sequence[str]] = (),
) -> str:
    """The whole report. `log` gives the path of a trial's log.

    `refused` counts the combinations that Kconfig refused, so that they never became trials.
    `more` are the lines of further parts: on controls, on main effects.
    """
    ranking = rank(results, by)
    parts = [
        _header(results, ranking, refused),
        _best(ranking),
        by_target(ranking),
        _top(ranking),
        *([RULE, *lines] for lines in more if lines),
        _failures(results, log),
        _sparsities(results),
        _next(results, ranking),
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def counts(results: Sequence[TrialResult], refused: int = 0) -> list[str]:
    """Trials by status, as `Trials: 36 planned: 35 passed, 1 failed`, and what was not planned."""
    found = Counter(item.result.status for item in results)
    parts = [f"{found[status]} {status}" for status in Status if found[status]]
    lines = [f"Trials: {len(results)} planned: " + (", ".join(parts) or "none")]
    return lines + [f"Not planned: {refused} combinations that Kconfig refused"] * (refused > 0)


def _header(results: Sequence[TrialResult], ranking: Ranking, refused: int) -> list[str]:
    every = ranking.ranked + ranking.unranked
    tested = sum(any(_ran(trial) for trial in item.results) for item in every)
    lines = ["Hyperparameter Sweep Analysis", RULE, "", f"Total configurations tested: {tested}"]
    if tested < len(every):
        lines.append(f"Configurations planned: {len(every)}")
    return [*lines, *counts(results, refused), *method(ranking), ""]


def method(ranking: Ranking) -> list[str]:
    """What the ranking is by, and what speaks against it."""
    name = ranking.measure.label
    if not ranking.measure.tested:
        plain = f"Ranked by: {name}, mean over seeds, with 95% t-intervals"
        return [plain, *notes(ranking)]
    return [
        f"Ranked by: {name} on request (optimistic: what was picked by its {name}",
        "  looks better there than it will on new data), mean over seeds, 95% t-intervals",
        *notes(ranking),
    ]


def nothing(ranking: Ranking) -> str:
    """Why no configuration is ranked."""
    trials = [item for one in ranking.unranked for item in one.results]
    if not any(item.result.status is Status.PASSED for item in trials):
        return "no trial has passed, so there is nothing to rank."
    fair = [by.name for by in MEASURES.values() if not by.tested]
    known = [name for name in fair if any(item.measure(name) is not None for item in trials)]
    told = f"RANK_BY={ranking.by}: no trial that passed has a finite {ranking.measure.label}"
    return f"{told}; there is {', '.join(known) or 'nothing to rank by'}."


def _ran(item: TrialResult) -> bool:
    return item.result.status in (Status.PASSED, Status.FAILED, Status.ERROR)


def _best(ranking: Ranking) -> list[str]:
    lines = ["BEST CONFIGURATION:", LINE]
    best = ranking.best
    if best is None:
        return [*lines, f"None: {nothing(ranking)}", ""]
    lines += [
        f"Config file: {best.first.name}",
        f"Test Accuracy: {mean(best, 'test_acc', '.2f', '%')}",
        f"Final Sparsity: {percent(best)}",
        f"Training Time: {mean(best, 'total_time', '.1f', 's')}",
        *_certainty(best, ranking),
        "",
        "Hyperparameters:",
    ]
    return [*lines, *(f"  CONFIG_{name}={text}" for name, text in _shown(best.first).items()), ""]


def _certainty(best: Configuration, ranking: Ranking) -> list[str]:
    lines = [f"{by.label.title()}: mean {spread_of(best, by)}" for by in ACCURACIES]
    lines.append(
        f"Seeds: {', '.join(f'{_draw(item)} ({item.trial.name})' for item in best.counted)}"
    )
    lines += losses(best, ranking)
    if best.short:
        lines.append(unmet(best) + "; no configuration reached its target")
    if not best.complete:
        lines.append(missing(best) + _why_best(ranking))
    others = ranking.ranked[1:]
    same = [item for item in others if item.samples == best.samples]
    told = {
        "Ranked last, target sparsity not reached": sum(bool(item.short) for item in others),
        "Other validation samples, not comparable with it": len(others) - len(same),
        "Same score, later in the plan": sum(map(ranking.level, others)),
        "Not distinguishable from it (those included)": len(tied(ranking)),
        UNCLEAR: sum(item.verdict is Verdict.UNKNOWN for item in same),
    }
    return lines + [
        f"{what}: {count} of {len(others)} others" for what, count in told.items() if count
    ]


def _draw(item: TrialResult) -> str:
    """The seed of a trial, and that of its split where it varies."""
    split = item.trial.swept.get("SPLIT_SEED")
    return item.seed if split is None else f"{item.seed} split {split}"


def _why_best(ranking: Ranking) -> str:
    if any(item.complete for item in ranking.ranked):
        return "; those that passed on all of their seeds missed their target sparsity"
    return "; no configuration passed on all of its seeds"


def tied(ranking: Ranking) -> list[Configuration]:
    """The configurations that the seeds do not tell from the best."""
    return [item for item in ranking.ranked[1:] if item.verdict is Verdict.TIED]


def _shown(trial: Trial) -> dict[str, str]:
    """The swept symbols, and the target sparsity, which the guide shows even when fixed."""
    fixed = {name: trial.config[name] for name in ("TARGET_SPARSITY",) if name in trial.config}
    return {**swept_values(trial), **fixed}


def _top(ranking: Ranking) -> list[str]:
    lines = [RULE, f"TOP {TOP} CONFIGURATIONS:", LINE, ""]
    for place, item in enumerate(ranking.ranked[:TOP], 1):
        lines += [f"{place}. {item.first.name}", *_entry(item, ranking)]
    return [*lines, ""]


def _entry(item: Configuration, ranking: Ranking) -> list[str]:
    lines = [
        f"   Test Acc: {mean(item, 'test_acc', '.2f', '%')} | Sparsity: {percent(item)}"
        f" | Time: {mean(item, 'total_time', '.1f', 's')}",
        f"   Val Acc: {spread_of(item, VAL_ACC)}",
        *(f"   {line}" for line in losses(item, ranking)),
    ]
    remark = note(item, ranking)
    return [*lines, f"   {remark}"] if remark else lines


def _failures(results: Sequence[TrialResult], log: Callable[[Trial], str]) -> list[str]:
    found = [item for item in results if item.result.status in (Status.FAILED, Status.ERROR)]
    lines = [RULE, f"FAILED TESTS: {len(found)} of {len(results)}", LINE]
    if not found:
        return [*lines, "None.", ""]
    reasons = Counter(f"{item.result.status}, {item.result.reason}" for item in found)
    lines += [f"{count} x {reason}" for reason, count in reasons.most_common()] + [""]
    for item in found[:LISTED]:
        lines += _failure(item, log(item.trial))
    rest = len(found) - LISTED
    return [*lines, *([f"... and {rest} more, in sweep_summary.json"] if rest > 0 else []), ""]


def _failure(item: TrialResult, log: str) -> list[str]:
    tries = f"{item.attempts} attempt{'s' * (item.attempts != 1)}"
    what = f"{item.result.status} ({item.result.reason}), {tries}"
    message = item.result.message.strip().splitlines() or ["no message"]
    return [f"{item.trial.name} (seed {item.seed}): {what}: {message[-1]}", f"   Log: {log}"]


def _sparsities(results: Sequence[TrialResult]) -> list[str]:
    """Passed trials that are not as sparse as they were told to be."""
    found = [item for item in results if abs(item.shortfall) > SLACK]
    if not found:
        return []
    lines = [RULE, f"SPARSITY TARGETS NOT MET: {len(found)} of {len(results)} trials", LINE]
    for item in found[:LISTED]:
        reached = (item.target - item.shortfall) * 100
        lines.append(f"{item.trial.name}: {reached:.1f}% of {share(item.target)}")
    rest = len(found) - LISTED
    return [*lines, *([f"... and {rest} more"] if rest > 0 else []), ""]


def _next(results: Sequence[TrialResult], ranking: Ranking) -> list[str]:
    found = Counter(item.result.status for item in results)
    lines = [text.format(found[status]) for status, text in _ADVICE.items() if found[status]]
    if any(item.score and item.score.n == 1 for item in ranking.ranked):
        lines.append("- One seed shows no chance: set CONFIG_SEED=1|2|3 in the range file.")
    elif tied(ranking):
        lines.append("- To tell close ones apart: more seeds, as in CONFIG_SEED=1:1:10.")
    lines.append("- To refine: narrow the range file around the best values and sweep again.")
    return [RULE, "HOW TO GO ON:", LINE, *lines]


_ADVICE = {
    Status.NOTRUN: "- {} not run yet: the command that started this sweep goes on with it.",
    Status.ERROR: "- {} ended in an error: the same command tries them again.",
    Status.FAILED: "- {} failed for good: read their logs, then mend the range file.",
}
