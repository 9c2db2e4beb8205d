"""Main effects: a part of sweep_analysis.txt, and sweep_effects.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from espalier.analysis.confidence import Interval, Verdict, verdict
from espalier.analysis.effects import Effects, Level
from espalier.analysis.multiple_tests import survives
from espalier.analysis.rank import TrialResult
from espalier.core import strict_json
from espalier.core.measures import Measure
from espalier.core.trial import Record, Status
from espalier.plan.samplers.design_text import describe_design
from espalier.report.controls_report import MARK, correct, marked_line
from espalier.report.ranking_rows import format_interval
from espalier.report.sweep_summary import typed
from espalier.report.templates import render

PValues = Mapping[int, float | None]
"""Corrected p of each level's effect, by the id of the level."""
LISTED = 20  # trials without a number that are named


def render_effects(effects: Effects, design: Mapping[str, Any]) -> str:
    """Return the part of the report, plain ASCII."""
    p_values = _corrected(effects)
    return render(
        "effects.txt",
        LISTED=LISTED,
        effects=effects,
        by=effects.by,
        design=describe_design(design),
        text=effects.by.with_unit,
        range=_range,
        level_text=lambda level: _level(level, effects.by, p_values[id(level)]),
        corrected=marked_line({"effects": p_values}),
        reason=_reason,
        doubt=lambda name: describe_doubt(effects.chosen[name], p_values),
        spread=format_interval,
        confounding=confounding(design),
    )


def effects_json(effects: Effects, design: Mapping[str, Any]) -> str:
    """Return the text of sweep_effects.json: strict JSON."""
    return strict_json.pretty(record(effects, design))


def record(effects: Effects, design: Mapping[str, Any]) -> Record:
    """Return all of it as data; what is not known is null."""
    columns = {axis["symbol"]: axis["columns"] for axis in design["axes"]}
    p_values = _corrected(effects)
    return {
        "by": effects.by.name,
        "array": design["array"],
        "rows": design["rows"],
        "combinations": design["combinations"],
        "strength": design["strength"],
        "grand_mean": effects.grand,
        "balanced": effects.balanced,
        "not_counted": [item.trial.name for item in effects.lost],
        "comparisons": sum(p is not None for p in p_values.values()),
        "axes": [
            _axis(name, columns[name], levels, p_values) for name, levels in effects.axes.items()
        ],
        "best": _best(effects, p_values),
    }


def _corrected(effects: Effects) -> dict[int, float | None]:
    """Return the p of each level's effect by its id, corrected for the effects of all levels."""
    return correct({id(each): each.effect for levels in effects.axes.values() for each in levels})


def confounding(design: Mapping[str, Any]) -> str:
    """Return what the array cannot tell apart."""
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


def describe_doubt(level: Level, p_values: PValues) -> str:
    """Return why the best value of an axis may be best by chance; empty if seeds tell it apart."""
    match verdict(level.effect):
        case Verdict.TIED:
            return "  (not sure: its interval contains 0)"
        case Verdict.UNKNOWN:
            return "  (not sure: no interval)"
    return "" if survives(p_values[id(level)]) else "  (not sure: not left by Holm's correction)"


def _axis(name: str, columns: Sequence[int], levels: Sequence[Level], p_values: PValues) -> Record:
    return {
        "symbol": f"CONFIG_{name}",
        "columns": columns,
        "balanced": all(level.balanced for level in levels),
        "levels": [_level_record(level, p_values[id(level)]) for level in levels],
    }


def _level_record(level: Level, p: float | None) -> Record:
    return {
        "value": typed(level.value),
        "mean": level.mean,
        "n": level.n,
        "planned": level.planned,
        "balanced": level.balanced,
        "effect": level.effect.mean if level.effect else None,
        "half_width": level.effect.half_width if level.effect else None,
        "p_holm": p,
        "survives_holm": survives(p),
        "signal_to_noise_db": level.ratio,
    }


def _best(effects: Effects, p_values: PValues) -> Record:
    run = effects.run
    return {
        "values": {f"CONFIG_{name}": typed(value) for name, value in effects.best.items()},
        "not_sure": [
            f"CONFIG_{name}"
            for name, level in effects.chosen.items()
            if not survives(p_values[id(level)])
        ],
        "predicted": effects.predicted,
        "config_file": run.first.name if run else None,
        "measured": run.score.mean if run and run.score else None,
    }


def _range(levels: Sequence[Level], by: Measure) -> str:
    means = [level.mean for level in levels if level.mean is not None]
    if len(means) < len(levels):
        return ""
    return f" (range {by.number(max(means) - min(means))}{by.difference_unit})"


def _level(level: Level, by: Measure, p: float | None) -> str:
    if level.mean is None:
        return f"n/a, n=0 of {level.planned}: UNBALANCED"
    ratio = "S/N n/a" if level.ratio is None else f"S/N {level.ratio:.2f} dB"
    count = f"n={level.n}" + f" of {level.planned}: UNBALANCED" * (not level.balanced)
    distance = _distance(level.effect, by) + MARK * survives(p)
    return f"{by.with_unit(level.mean)}{distance}, {ratio}, {count}"


def _distance(effect: Interval | None, by: Measure) -> str:
    if effect is None:
        return ""
    width = f" +/- {by.number(effect.spread)}" if effect.spread else ""
    return f" ({by.with_unit(effect.mean, '+')}{width})"


def _reason(item: TrialResult) -> str:
    if item.result.status is Status.PASSED:
        return "passed without a finite number"
    reason = f" ({item.result.reason})" if item.result.reason else ""
    return f"{item.result.status}{reason}"
