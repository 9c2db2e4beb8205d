"""What each swept symbol does to the ranking measure: numbers and words of pictures and the page.

The mean of each value, where values can be compared; of plans that are not balanced also how
important each symbol is, with what is to be known about that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from espalier.analysis.arms import mean_by_draw
from espalier.analysis.axis_means import AxisMeans, means_of_axes, varied_values
from espalier.analysis.confidence import interval
from espalier.analysis.rank import Ranking
from espalier.analysis.symbol_importance import AxisColumn, ForestImportance, forest_importance
from espalier.core.texts.count_text import count_text
from espalier.report.html.columns import is_number
from espalier.report.sweep_summary import typed

LEVELS = 24
"""Values of an axis whose means are drawn at most."""
NAMED = 4
"""Symbols that a sentence names."""
LEAST_EXPLAINED = 0.3
"""A forest that explains a smaller share of the variance says little."""


@dataclass(frozen=True)
class ValueMean:
    """The mean of a value of a symbol, with half of its interval where it has one."""

    value: str
    mean: float
    half_width: float | None


@dataclass(frozen=True)
class AxisEffect:
    """A symbol with the means of its values, in plan order, and what these are over."""

    symbol: str
    levels: tuple[ValueMean, ...]
    comparable: AxisMeans


@dataclass(frozen=True)
class SweepEffects:
    """The symbols with means, those without, and the forest where a plan is not balanced."""

    axes: tuple[AxisEffect, ...]
    without: tuple[str, ...]
    forest: ForestImportance | None


def sweep_effects(ranking: Ranking) -> SweepEffects:
    """Return what each symbol that varies does, as far as a sweep shows it."""
    axes = varied_values(ranking.ranked)
    means = means_of_axes(ranking, [name for name, texts in axes.items() if len(texts) <= LEVELS])
    shown = [_axis(name, axes[name], each, ranking) for name, each in means.items() if each.means]
    all_balanced = len(means) == len(axes) and all(each.balanced for each in means.values())
    return SweepEffects(
        tuple(shown),
        tuple(name for name in axes if name not in means or not means[name].means),
        None if all_balanced else forest_importance(*_rows(ranking, list(axes))),
    )


def _axis(name: str, texts: Sequence[str], means: AxisMeans, ranking: Ranking) -> AxisEffect:
    levels = [text for text in texts if text in means.means]
    return AxisEffect(name, tuple(_level(name, text, means, ranking) for text in levels), means)


def _level(name: str, text: str, means: AxisMeans, ranking: Ranking) -> ValueMean:
    """Return the mean of a value, with an interval over seeds where all configurations count."""
    half = None
    if means.balanced:
        own = [item.scores for item in ranking.ranked if item.first.swept.get(name) == text]
        over_seeds = interval(list(mean_by_draw(own).values()))
        half = over_seeds.half_width if over_seeds else None
    return ValueMean(text, means.means[text], half)


def _rows(ranking: Ranking, names: Sequence[str]) -> tuple[list[AxisColumn], list[float]]:
    """Return the values and the scores of all ranked configurations."""
    values = [item.swept for item in ranking.ranked]
    columns = [_column(name, [each.get(name) for each in values]) for name in names]
    scores = [item.score.mean for item in ranking.ranked if item.score]
    return columns, scores


def _column(name: str, texts: Sequence[str | None]) -> AxisColumn:
    values = {text: typed(text) for text in dict.fromkeys(texts)}
    ordered = all(text is None or is_number(text) for text in values)
    return AxisColumn(name, [values[text] for text in texts] if ordered else texts, ordered)


def means_caption(ranking: Ranking) -> str:
    """Return what the means of values are, and their intervals."""
    return (
        f"Means of the {ranking.measure.label} for each value, over configurations whose other "
        "settings are balanced; bars: 95 % t-intervals over seeds, where all configurations count."
    )


def means_note(means: AxisMeans) -> str:
    """Return what the means of a symbol are over."""
    if means.balanced:
        return f"balanced: over all {means.total} configurations"
    return f"over {means.used} of {means.total} configurations, whose other settings are the same"


def remarks(comparable: AxisMeans, values: Sequence[str]) -> list[str]:
    """Return what limits the means of a symbol, a short line each; nothing where nothing does."""
    if not comparable.means:
        return ["no means: confounded"]
    lines = []
    if comparable.used < comparable.total:
        lines.append(f"means of {comparable.used} of {comparable.total}")
    if lone := sum(text not in comparable.means for text in values):
        lines.append(f"no mean of {count_text(lone, 'value')}")
    if comparable.own:
        lines.append(f"over {count_text(len(comparable.own), 'symbol')} of one value")
    return lines


def describe_remarks(
    every: Sequence[tuple[AxisMeans, Sequence[str]]], words: Callable[[str], str]
) -> str:
    """Return what the remarks on symbols mean, each with its values, as sentences.

    `words` gives the name of a symbol.
    """
    lone = any(text not in means.means for means, values in every for text in values)
    part = any(means.means and not means.balanced for means, _ in every)
    own = [words(name) for name in dict.fromkeys(n for means, _ in every for n in means.own)]
    sentences = [
        "Open diamonds, without bars: means over those configurations alone whose other settings "
        "all of these values have."
        if part
        else "",
        "Confounded, and without a mean: other settings differ too." if lone else "",
        f"Means are also over what one value alone has: {_few(own)}." if own else "",
    ]
    return " ".join(filter(None, sentences))


def _few(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    return ", ".join(names[:NAMED]) + f" and {len(names) - NAMED} more" * (len(names) > NAMED)


def importance_caveat(forest: ForestImportance) -> str:
    """Return what the importance of symbols is, and what it is not."""
    left = 1 - sum(each.share for each in forest.axes)
    return (
        f"Share of the variance of a forest of regression trees, grown from {forest.rows} "
        "configurations, that a symbol explains by itself (functional ANOVA; +/- is over trees); "
        f"{max(0.0, left):.0%} is due to symbols together. It describes the forest, not an "
        "experiment: values that were tried together share what they do. Of configurations that "
        f"a tree has not seen the forest's trees explain {forest.explained:.0%} of the variance"
        + ("." if forest.explained > LEAST_EXPLAINED else ": too little to read much from this.")
    )
