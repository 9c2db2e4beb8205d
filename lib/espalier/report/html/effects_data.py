"""What each swept symbol does: means of values that can be compared, else importance."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.analysis.arms import mean_by_draw
from espalier.analysis.axis_means import AxisMeans, axis_means, varied_values
from espalier.analysis.confidence import interval
from espalier.analysis.rank import Ranking, swept_values
from espalier.analysis.symbol_importance import AxisColumn, ForestImportance, forest_importance
from espalier.core.trial import Record
from espalier.report.html.columns import is_number, rounded
from espalier.report.sweep_summary import typed

LEVELS = 24
"""Values of an axis whose means are drawn at most."""


def effects_data(ranking: Ranking) -> Record:
    """Return the means of each axis, and importance where an axis is not balanced."""
    axes = varied_values(ranking)
    means = {
        name: axis_means(ranking, name) for name, texts in axes.items() if len(texts) <= LEVELS
    }
    drawn = [_axis(name, axes[name], each, ranking) for name, each in means.items() if each.means]
    all_balanced = len(means) == len(axes) and all(map(_balanced, means.values()))
    forest = None if all_balanced else forest_importance(*_rows(ranking, list(axes)))
    return {
        "axes": drawn,
        "without": [name for name in axes if name not in means or not means[name].means],
        "caption": _caption(ranking),
        "importance": None if forest is None else _importance(forest),
    }


def _caption(ranking: Ranking) -> str:
    return (
        f"Means of the {ranking.measure.label} for each value, over configurations whose other "
        "settings are balanced; bars: 95 % t-intervals over seeds, where all configurations count."
    )


def _balanced(means: AxisMeans) -> bool:
    return bool(means.means) and means.used == means.total


def _axis(name: str, texts: Sequence[str], means: AxisMeans, ranking: Ranking) -> Record:
    levels = [text for text in texts if text in means.means]
    return {
        "symbol": name,
        "note": _note(means),
        "levels": [_level(name, text, means, ranking) for text in levels],
    }


def _note(means: AxisMeans) -> str:
    """Return what a mean is over."""
    if _balanced(means):
        return f"balanced: over all {means.total} configurations"
    return f"over {means.used} of {means.total} configurations, whose other settings are the same"


def _level(name: str, text: str, means: AxisMeans, ranking: Ranking) -> Record:
    by, half = ranking.measure, None
    if _balanced(means):
        own = [item.scores for item in ranking.ranked if item.first.swept.get(name) == text]
        over_seeds = interval(list(mean_by_draw(own).values()))
        half = over_seeds.half_width if over_seeds else None
    return {"value": text, "mean": rounded(means.means[text], by), "half": rounded(half, by)}


def _rows(ranking: Ranking, names: Sequence[str]) -> tuple[list[AxisColumn], list[float]]:
    """Return the values and the scores of all ranked configurations."""
    values = [swept_values(item.first) for item in ranking.ranked]
    columns = [_column(name, [each.get(name) for each in values]) for name in names]
    scores = [item.score.mean for item in ranking.ranked if item.score]
    return columns, scores


def _column(name: str, texts: Sequence[str | None]) -> AxisColumn:
    ordered = all(text is None or is_number(text) for text in texts)
    return AxisColumn(name, [typed(text) for text in texts] if ordered else texts, ordered)


def _importance(forest: ForestImportance) -> Record:
    shares = [
        {"symbol": each.name, "share": round(each.share, 4), "spread": round(each.spread, 4)}
        for each in forest.axes
    ]
    return {"shares": shares, "caveat": _caveat(forest)}


def _caveat(forest: ForestImportance) -> str:
    left = 1 - sum(each.share for each in forest.axes)
    return (
        f"Share of the variance of a forest of regression trees, grown from {forest.rows} "
        "configurations, that a symbol explains by itself (functional ANOVA; +/- is over trees); "
        f"{max(0.0, left):.0%} is due to symbols together. It describes the forest, not an "
        "experiment: values that were tried together share what they do. Of configurations that "
        f"a tree has not seen the forest's trees explain {forest.explained:.0%} of the variance"
        + ("." if forest.explained > 0.3 else ": too little to read much from this.")
    )
