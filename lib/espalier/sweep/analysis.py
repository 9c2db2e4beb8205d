"""sweep_analysis.txt: the ranking for people, in the form of the sweep guide.

The guide's lines are kept to the letter; what it does not have (intervals, seeds, failures, what
to do next) stands on lines of its own. Plain ASCII, so that any terminal shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from espalier.sweep.interval import Interval, Verdict
from espalier.sweep.rank import MEASURES, Configuration, Outcome, Ranking, rank
from espalier.trial import Status, Trial

RULE = "=" * 60
LINE = "-" * 40
TOP = 10
LISTED = 50  # failed trials listed one by one; the others are in sweep_summary.json
SLACK = 0.005  # a sparsity further than this from its target is reported as unmet

UNCLEAR = "Not compared with it (under 2 common seeds, or one difference on all)"
LABELS = {"val_acc": "Validation Accuracy", "test_acc": "Test Accuracy"}


def analysis(outcomes: Sequence[Outcome], by: str, log: Callable[[Trial], str]) -> str:
    """The whole report. `log` gives the path of a trial's log."""
    ranking = rank(outcomes, by)
    parts = [
        _header(outcomes, ranking),
        _best(ranking),
        _top(ranking),
        _failures(outcomes, log),
        _sparsities(outcomes),
        _next(outcomes, ranking),
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def parameters(trial: Trial) -> dict[str, str]:
    """The swept symbols of a trial except its seed."""
    return {name: text for name, text in trial.swept.items() if name != "SEED"}


def counts(outcomes: Sequence[Outcome]) -> str:
    """Trials by status, as `36 planned: 35 passed, 1 failed`."""
    found = Counter(item.result.status for item in outcomes)
    parts = [f"{found[status]} {status}" for status in Status if found[status]]
    return f"{len(outcomes)} planned: " + (", ".join(parts) or "none")


def spread(value: Interval | None, unit: str = "%") -> str:
    """A mean with its interval, as `88.51% +/- 0.40 (n=3)`; one value has no interval."""
    if value is None:
        return "n/a"
    if value.half_width is None:
        return f"{value.mean:.2f}{unit} (n=1: no interval)"
    return f"{value.mean:.2f}{unit} +/- {value.half_width:.2f} (n={value.n})"


def note(item: Configuration, ranking: Ranking) -> str:
    """What a reader must know about a ranked configuration; empty for a plain one."""
    notes = [] if item.complete else [missing(item)]
    if ranking.level(item):
        notes.append("same score as the best, later in the plan")
    elif item is not ranking.best and item.verdict is Verdict.TIED and item.lead:
        notes.append(f"not distinguishable from the best (n={item.lead.n})")
    return "; ".join(notes)


def missing(item: Configuration) -> str:
    """How many of the planned seeds are behind the score, and why not all."""
    count = f"{len(item.scores)} of {len(item.outcomes)} seeds"
    lost = len(item.outcomes) - len(item.scores) - item.pending
    rest = [f"{lost} did not pass"] * (lost > 0) + [f"{item.pending} not run yet"] * (
        item.pending > 0
    )
    return f"INCOMPLETE: {count} ({', '.join(rest)})"


def cells(ranking: Ranking, top: int) -> list[list[str]]:
    """The `top` configurations as a table, heading first."""
    heading = ["#", "config", "val acc", "test acc", "sparsity", "time", "parameters", "note"]
    rows = [_cells(place, item, ranking) for place, item in enumerate(ranking.ranked[:top], 1)]
    return [heading, *rows]


def _cells(place: int, item: Configuration, ranking: Ranking) -> list[str]:
    return [
        str(place),
        item.first.name,
        spread(item.measure("val_acc")),
        spread(item.measure("test_acc")),
        _percent(item),
        _mean(item, "total_time", ".1f", "s"),
        " ".join(f"{name}={text}" for name, text in parameters(item.first).items()),
        note(item, ranking),
    ]


def _header(outcomes: Sequence[Outcome], ranking: Ranking) -> list[str]:
    every = ranking.ranked + ranking.unranked
    tested = sum(any(_ran(trial) for trial in item.outcomes) for item in every)
    lines = ["Hyperparameter Sweep Analysis", RULE, "", f"Total configurations tested: {tested}"]
    if tested < len(every):
        lines.append(f"Configurations planned: {len(every)}")
    return [*lines, f"Trials: {counts(outcomes)}", *method(ranking), ""]


def method(ranking: Ranking) -> list[str]:
    """What the ranking is by; a ranking on the test set is marked as optimistic."""
    name = MEASURES[ranking.by]
    if ranking.by != "test_acc":
        return [f"Ranked by: {name}, mean over seeds, with 95% t-intervals"]
    return [
        f"Ranked by: {name} on request (optimistic: what was picked by its test accuracy",
        "  looks better there than it will on new data), mean over seeds, 95% t-intervals",
    ]


def _ran(outcome: Outcome) -> bool:
    return outcome.result.status in (Status.PASSED, Status.FAILED, Status.ERROR)


def _best(ranking: Ranking) -> list[str]:
    lines = ["BEST CONFIGURATION:", LINE]
    best = ranking.best
    if best is None:
        return [*lines, "None: no trial has passed, so there is nothing to rank.", ""]
    lines += [
        f"Config file: {best.first.name}",
        f"Test Accuracy: {_mean(best, 'test_acc', '.2f', '%')}",
        f"Final Sparsity: {_percent(best)}",
        f"Training Time: {_mean(best, 'total_time', '.1f', 's')}",
        *_certainty(best, ranking),
        "",
        "Hyperparameters:",
    ]
    return [*lines, *(f"  CONFIG_{name}={text}" for name, text in _shown(best.first).items()), ""]


def _certainty(best: Configuration, ranking: Ranking) -> list[str]:
    lines = [f"{LABELS[name]}: mean {spread(best.measure(name))}" for name in MEASURES]
    lines.append(f"Seeds: {', '.join(f'{item.seed} ({item.trial.name})' for item in best.counted)}")
    if not best.complete:
        lines.append(missing(best) + "; no configuration passed on all of its seeds")
    others = ranking.ranked[1:]
    told = {
        "Same score, later in the plan": sum(map(ranking.level, others)),
        "Not distinguishable from it (those included)": len(tied(ranking)),
        UNCLEAR: sum(item.verdict is Verdict.UNKNOWN for item in others),
    }
    return lines + [
        f"{what}: {count} of {len(others)} others" for what, count in told.items() if count
    ]


def tied(ranking: Ranking) -> list[Configuration]:
    """The configurations that the seeds do not tell from the best."""
    return [item for item in ranking.ranked[1:] if item.verdict is Verdict.TIED]


def _shown(trial: Trial) -> dict[str, str]:
    """The swept symbols, and the target sparsity, which the guide shows even when fixed."""
    fixed = {name: trial.config[name] for name in ("TARGET_SPARSITY",) if name in trial.config}
    return {**parameters(trial), **fixed}


def _mean(item: Configuration, name: str, form: str, unit: str) -> str:
    found = item.measure(name)
    return "n/a" if found is None else format(found.mean, form) + unit


def _percent(item: Configuration) -> str:
    found = item.measure("final_sparsity")
    return "n/a" if found is None else f"{found.mean * 100:.1f}%"


def _top(ranking: Ranking) -> list[str]:
    lines = [RULE, f"TOP {TOP} CONFIGURATIONS:", LINE, ""]
    for place, item in enumerate(ranking.ranked[:TOP], 1):
        lines += [f"{place}. {item.first.name}", *_entry(item, ranking)]
    return [*lines, ""]


def _entry(item: Configuration, ranking: Ranking) -> list[str]:
    lines = [
        f"   Test Acc: {_mean(item, 'test_acc', '.2f', '%')} | Sparsity: {_percent(item)}"
        f" | Time: {_mean(item, 'total_time', '.1f', 's')}",
        f"   Val Acc: {spread(item.measure('val_acc'))}",
    ]
    remark = note(item, ranking)
    return [*lines, f"   {remark}"] if remark else lines


def _failures(outcomes: Sequence[Outcome], log: Callable[[Trial], str]) -> list[str]:
    found = [item for item in outcomes if item.result.status in (Status.FAILED, Status.ERROR)]
    lines = [RULE, f"FAILED TESTS: {len(found)} of {len(outcomes)}", LINE]
    if not found:
        return [*lines, "None.", ""]
    reasons = Counter(f"{item.result.status}, {item.result.reason}" for item in found)
    lines += [f"{count} x {reason}" for reason, count in reasons.most_common()] + [""]
    for item in found[:LISTED]:
        lines += _failure(item, log(item.trial))
    rest = len(found) - LISTED
    return [*lines, *([f"... and {rest} more, in sweep_summary.json"] if rest > 0 else []), ""]


def _failure(item: Outcome, log: str) -> list[str]:
    tries = f"{item.attempts} attempt{'s' * (item.attempts != 1)}"
    what = f"{item.result.status} ({item.result.reason}), {tries}"
    message = item.result.message.strip().splitlines() or ["no message"]
    return [f"{item.trial.name} (seed {item.seed}): {what}: {message[-1]}", f"   Log: {log}"]


def _sparsities(outcomes: Sequence[Outcome]) -> list[str]:
    """Passed trials that are not as sparse as they were told to be."""
    found = [(item, _shortfall(item)) for item in outcomes]
    unmet = [(item, gap) for item, gap in found if abs(gap) > SLACK]
    if not unmet:
        return []
    lines = [RULE, f"SPARSITY TARGETS NOT MET: {len(unmet)} of {len(outcomes)} trials", LINE]
    for item, gap in unmet[:LISTED]:
        target = float(item.trial.config["TARGET_SPARSITY"])
        lines.append(f"{item.trial.name}: {(target - gap) * 100:.1f}% of {target * 100:.1f}%")
    rest = len(unmet) - LISTED
    return [*lines, *([f"... and {rest} more"] if rest > 0 else []), ""]


def _shortfall(item: Outcome) -> float:
    reached = item.measure("final_sparsity")
    if reached is None or "TARGET_SPARSITY" not in item.trial.config:
        return 0.0
    return float(item.trial.config["TARGET_SPARSITY"]) - reached


def _next(outcomes: Sequence[Outcome], ranking: Ranking) -> list[str]:
    found = Counter(item.result.status for item in outcomes)
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
