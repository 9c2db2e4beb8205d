"""What each swept symbol does, for the page."""

from __future__ import annotations

from espalier.analysis.rank import Ranking
from espalier.analysis.symbol_importance import ForestImportance
from espalier.core.measures import Measure
from espalier.core.trial import Record
from espalier.report.axis_effects import (
    AxisEffect,
    importance_caveat,
    means_caption,
    means_note,
    sweep_effects,
)
from espalier.report.html.columns import rounded


def effects_data(ranking: Ranking) -> Record:
    """Return the means of each axis, and importance where an axis is not balanced."""
    effects = sweep_effects(ranking)
    return {
        "axes": [_axis(axis, ranking.measure) for axis in effects.axes],
        "without": list(effects.without),
        "caption": means_caption(ranking),
        "importance": None if effects.forest is None else _importance(effects.forest),
    }


def _axis(axis: AxisEffect, by: Measure) -> Record:
    return {
        "symbol": axis.symbol,
        "note": means_note(axis.comparable),
        "levels": [
            {
                "value": level.value,
                "mean": rounded(level.mean, by),
                "half": rounded(level.half_width, by),
            }
            for level in axis.levels
        ],
    }


def _importance(forest: ForestImportance) -> Record:
    shares = [
        {"symbol": each.name, "share": round(each.share, 4), "spread": round(each.spread, 4)}
        for each in forest.axes
    ]
    return {"shares": shares, "caveat": importance_caveat(forest)}
