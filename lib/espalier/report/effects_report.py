"""Main effects told: a part of sweep_analysis.txt, and sweep_effects.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from espalier.analysis.confidence import Interval
from espalier.analysis.effects import Effects, Level
from espalier.analysis.rank import TrialResult
from espalier.core import strict_json
from espalier.core.measures import Measure
from espalier.core.trial import Record, Status
from espalier.plan.design_text import describe_design
from espalier.report.ranking_rows import LINE, spread
from espalier.report.sweep_summary import typed

LISTED = 20  # trials without a number that are named


def told(found: Effects, design: Mapping[str, Any]) -> list[str]:
    """The lines of the report, plain ASCII."""
    lines = [f"MAIN EFFECTS ({describe_design(design)}):", LINE]
    if found.grand is None:
        return [*lines, f"None: no trial has passed with a finite {found.by.label}.", ""]
    grand = found.by.told(found.grand)
    lines += [
        f"Grand mean of the {found.by.label}: {grand}; each value by its mean,",
        _legend(),
    ]
    for name, levels in found.axes.items():
        lines += [
            f"CONFIG_{name}{_range(levels, found.by)}",
            *(_level(one, found.by) for one in levels),
        ]
    return [*lines, *_lost(found.lost), "", *_prediction(found), confounding(design), ""]


def effects_text(found: Effects, design: Mapping[str, Any]) -> str:
    """The text of sweep_effects.json: strict JSON."""
    return strict_json.pretty(record(found, design))


def record(found: Effects, design: Mapping[str, Any]) -> Record:
    """All of it as data; what is not known is null."""
    columns = {one["symbol"]: one["columns"] for one in design["axes"]}
    return {
        "by": found.by.name,
        "array": design["array"],
        "rows": design["rows"],
        "combinations": design["combinations"],
        "strength": design["strength"],
        "grand_mean": found.grand,
        "balanced": found.balanced,
        "not_counted": [item.trial.name for item in found.lost],
        "axes": [_axis(name, columns[name], levels) for name, levels in found.axes.items()],
        "best": _best(found),
    }


def confounding(design: Mapping[str, Any]) -> str:
    """What the array cannot tell apart."""
    if design["rows"] == design["combinations"]:
        return "The array is the full grid, so interactions are not confounded with main effects."
    if design["strength"] > 2:
        return (
            "Interactions are confounded: those of two axes with each other, those of three with "
            "main effects.\nThe prediction assumes that there are none."
        )
    return (
        "Interactions are confounded with main effects: an effect above may be partly that of two "
        "other axes.\nThe prediction assumes that there are none."
    )


def _axis(name: str, columns: Sequence[int], levels: Sequence[Level]) -> Record:
    return {
        "symbol": f"CONFIG_{name}",
        "columns": columns,
        "balanced": all(level.balanced for level in levels),
        "levels": [_level_record(level) for level in levels],
    }


def _level_record(level: Level) -> Record:
    return {
        "value": typed(level.value),
        "mean": level.mean,
        "n": level.n,
        "planned": level.planned,
        "balanced": level.balanced,
        "effect": level.effect.mean if level.effect else None,
        "half_width": level.effect.half_width if level.effect else None,
        "signal_to_noise_db": level.ratio,
    }


def _best(found: Effects) -> Record:
    run = found.run
    return {
        "values": {f"CONFIG_{name}": typed(value) for name, value in found.best.items()},
        "predicted": found.predicted,
        "config_file": run.first.name if run else None,
        "measured": run.score.mean if run and run.score else None,
    }


def _legend() -> str:
    return "  its distance from that (with a 95% t-interval over seeds) and signal-to-noise ratio"


def _range(levels: Sequence[Level], by: Measure) -> str:
    means = [level.mean for level in levels if level.mean is not None]
    return f" (range {by.number(max(means) - min(means))})" if len(means) == len(levels) else ""


def _level(level: Level, by: Measure) -> str:
    if level.mean is None:
        return f"  {level.value}: n/a, n=0 of {level.planned}: UNBALANCED"
    ratio = "S/N n/a" if level.ratio is None else f"S/N {level.ratio:.2f} dB"
    count = f"n={level.n}" + f" of {level.planned}: UNBALANCED" * (not level.balanced)
    return f"  {level.value}: {by.told(level.mean)}{_distance(level.effect, by)}, {ratio}, {count}"


def _distance(effect: Interval | None, by: Measure) -> str:
    if effect is None:
        return ""
    width = f" +/- {by.number(effect.half_width)}" if effect.half_width else ""
    return f" ({by.number(effect.mean, '+')}{width})"


def _lost(lost: Sequence[TrialResult]) -> list[str]:
    if not lost:
        return []
    named = [f"  {item.trial.name} (seed {item.seed}): {_why(item)}" for item in lost[:LISTED]]
    rest = [f"  ... and {len(lost) - LISTED} more"] * (len(lost) > LISTED)
    head = f"UNBALANCED: {len(lost)} planned trials are not counted, so the axes do not cancel out:"
    return [head, *named, *rest]


def _why(item: TrialResult) -> str:
    if item.result.status is Status.PASSED:
        return "passed without a finite number"
    reason = f" ({item.result.reason})" if item.result.reason else ""
    return f"{item.result.status}{reason}"


def _prediction(found: Effects) -> list[str]:
    if found.predicted is None:
        return ["PREDICTED BEST: none, since a value has no trial that passed."]
    head = f"PREDICTED BEST: {found.by.told(found.predicted)}, the grand mean + sum(best - mean)"
    values = [f"  CONFIG_{name}={value}" for name, value in found.best.items()]
    return [head, *values, *_check(found)]


def _check(found: Effects) -> list[str]:
    run, beyond = found.run, _beyond(found.predicted or 0.0, found.by)
    if run is None:
        return [*beyond, "This combination was not run: train it before you believe it."]
    score = spread(run.score, found.by) if run.score else "no trial of it has passed"
    return [*beyond, f"This combination was run as {run.first.name}: {score}"]


def _beyond(predicted: float, by: Measure) -> list[str]:
    """A line if no trial can score what is predicted."""
    if 0 <= predicted <= by.most:
        return []
    rule = f"above {by.most:g}" if predicted > by.most else "below 0"
    return [f"It cannot be {rule}{by.unit}: these effects do not simply add up."]
