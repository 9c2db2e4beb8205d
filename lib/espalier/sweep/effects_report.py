"""Main effects told: a part of sweep_analysis.txt, and sweep_effects.json."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.sweep import sampling, wire
from espalier.sweep.effects import Effects, Level
from espalier.sweep.interval import Interval
from espalier.sweep.rank import MEASURES, Outcome
from espalier.sweep.rows import LINE, spread
from espalier.sweep.summary import typed
from espalier.trial import Record, Status

LISTED = 20  # trials without a number that are named


def told(found: Effects, design: Record) -> list[str]:
    """The lines of the report, plain ASCII."""
    lines = [f"MAIN EFFECTS ({sampling.described(design)}):", LINE]
    if found.grand is None:
        return [*lines, "None: no trial has passed.", ""]
    grand = f"{found.grand:.2f}{_unit(found)}"
    lines += [
        f"Grand mean of the {MEASURES[found.by]}: {grand}; each value by its mean,",
        _legend(),
    ]
    for name, levels in found.axes.items():
        lines += [f"CONFIG_{name}{_range(levels)}", *(_level(one, found) for one in levels)]
    return [*lines, *_lost(found.lost), "", *_prediction(found), confounding(design), ""]


def effects_text(found: Effects, design: Record) -> str:
    """The text of sweep_effects.json: strict JSON."""
    return wire.pretty(record(found, design))


def record(found: Effects, design: Record) -> Record:
    """All of it as data; what is not known is null."""
    columns = {one["symbol"]: one["columns"] for one in design["axes"]}
    return {
        "by": found.by,
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


def confounding(design: Record) -> str:
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


def _unit(found: Effects) -> str:
    return "%" if found.by.endswith("acc") else ""


def _range(levels: Sequence[Level]) -> str:
    means = [level.mean for level in levels if level.mean is not None]
    return f" (range {max(means) - min(means):.2f})" if len(means) == len(levels) else ""


def _level(level: Level, found: Effects) -> str:
    if level.mean is None:
        return f"  {level.value}: n/a, n=0 of {level.planned}: UNBALANCED"
    ratio = "S/N n/a" if level.ratio is None else f"S/N {level.ratio:.2f} dB"
    mean = f"{level.mean:.2f}{_unit(found)}"
    count = f"n={level.n}" + f" of {level.planned}: UNBALANCED" * (not level.balanced)
    return f"  {level.value}: {mean}{_distance(level.effect)}, {ratio}, {count}"


def _distance(effect: Interval | None) -> str:
    if effect is None:
        return ""
    width = f" +/- {effect.half_width:.2f}" if effect.half_width else ""
    return f" ({effect.mean:+.2f}{width})"


def _lost(lost: Sequence[Outcome]) -> list[str]:
    if not lost:
        return []
    named = [f"  {item.trial.name} (seed {item.seed}): {_why(item)}" for item in lost[:LISTED]]
    rest = [f"  ... and {len(lost) - LISTED} more"] * (len(lost) > LISTED)
    head = f"UNBALANCED: {len(lost)} planned trials are not counted, so the axes do not cancel out:"
    return [head, *named, *rest]


def _why(item: Outcome) -> str:
    if item.result.status is Status.PASSED:
        return "passed without a finite number"
    reason = f" ({item.result.reason})" if item.result.reason else ""
    return f"{item.result.status}{reason}"


def _prediction(found: Effects) -> list[str]:
    if found.predicted is None:
        return ["PREDICTED BEST: none, since a value has no trial that passed."]
    head = f"PREDICTED BEST: {found.predicted:.2f}{_unit(found)}, the grand mean + sum(best - mean)"
    values = [f"  CONFIG_{name}={value}" for name, value in found.best.items()]
    return [head, *values, *_check(found)]


def _check(found: Effects) -> list[str]:
    run, most = found.run, found.predicted or 0.0
    over = ["It cannot be above 100%: these effects do not simply add up."]
    beyond = over if found.by.endswith("acc") and most > 100 else []
    if run is None:
        return [*beyond, "This combination was not run: train it before you believe it."]
    score = spread(run.score, _unit(found)) if run.score else "no trial of it has passed"
    return [*beyond, f"This combination was run as {run.first.name}: {score}"]
