"""The mean of each value of a swept symbol, over configurations that can be compared.

Means over all configurations of a value mix it with whatever else only that value carries: an
optimizer that runs with one method alone is credited with that method. So a mean is taken where
the values are balanced: each carries the other settings equally often. Else it is taken over the
settings that the values have in common, and a value that shares none gets no mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import fmean

from espalier.analysis.arms import in_plan_order
from espalier.analysis.rank import Configuration, Ranking, swept_values

Setting = tuple[str | None, ...]
Cells = Mapping[str, Mapping[Setting, Sequence[Configuration]]]
"""By value of the symbol, and by the other settings."""


@dataclass(frozen=True)
class AxisMeans:
    """The comparable means of a symbol, by value; values without one are left out.

    `used` of `total` configurations are behind them. `own` are symbols that only one of the values
    has: its mean is over these too.
    """

    means: Mapping[str, float]
    used: int
    total: int
    own: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        """Whether all configurations are behind the means."""
        return bool(self.means) and self.used == self.total


def axis_means(ranking: Ranking, name: str) -> AxisMeans:
    """Return the means of the values of `name`.

    Over configurations that passed on all seeds and reached their target sparsity; if none did,
    over all. Values that were validated on different samples have no means.
    """
    every = [item for item in ranking.ranked if name in swept_values(item.first)]
    every.sort(key=lambda item: item.results[0].trial.number)
    used = [item for item in every if item.complete and not item.short] or every
    groups = _groups(used, name)
    if any(name in item.samples for item in used):
        return AxisMeans({}, 0, len(every), ())
    shared, own = _symbols(groups, name)
    cells = {value: _cells(items, shared) for value, items in groups.items()}
    common = cells if _balanced(cells, shared) else _common(cells)
    means = {value: _mean(part) for value, part in common.items()}
    count = sum(len(items) for part in common.values() for items in part.values())
    return AxisMeans(means, count, len(every), own)


def _groups(items: Iterable[Configuration], name: str) -> dict[str, list[Configuration]]:
    groups: dict[str, list[Configuration]] = {}
    for item in items:
        groups.setdefault(item.first.swept[name], []).append(item)
    return groups


def _symbols(
    groups: Mapping[str, Sequence[Configuration]], name: str
) -> tuple[list[str], tuple[str, ...]]:
    """Return the other symbols that several values have, and those that one has alone."""
    having = Counter(
        symbol
        for items in groups.values()
        for symbol in dict.fromkeys(n for item in items for n in swept_values(item.first))
    )
    del having[name]
    shared = [symbol for symbol, count in having.items() if count > 1]
    return shared, tuple(symbol for symbol in having if symbol not in shared)


def _cells(
    items: Iterable[Configuration], shared: Sequence[str]
) -> dict[Setting, list[Configuration]]:
    cells: dict[Setting, list[Configuration]] = {}
    for item in items:
        setting = tuple(map(item.first.swept.get, shared))
        cells.setdefault(setting, []).append(item)
    return cells


def _balanced(cells: Cells, shared: Sequence[str]) -> bool:
    """Return whether each value has every text of each other symbol equally often."""
    places = range(len(shared))
    return len(cells) > 1 and all(_is_balanced(cells, place) for place in places)


def _is_balanced(cells: Cells, place: int) -> bool:
    """Return whether each value has every text of one other symbol equally often."""
    first, *others = (_shares([setting[place] for setting in part]) for part in cells.values())
    return all(other == first for other in others)


def _shares(texts: Sequence[str | None]) -> dict[str | None, Fraction]:
    return {text: Fraction(count, len(texts)) for text, count in Counter(texts).items()}


def _common(cells: Cells) -> Cells:
    """Return what the most values have in common: for each of them the same settings."""
    having = Counter(setting for part in cells.values() for setting in part)
    setting, count = having.most_common(1)[0] if having else ((), 0)
    if count < 2:
        return {}
    chosen = {value: part for value, part in cells.items() if setting in part}
    same = [each for each in cells[next(iter(chosen))] if all(each in p for p in chosen.values())]
    return {value: {each: part[each] for each in same} for value, part in chosen.items()}


def _mean(part: Mapping[Setting, Sequence[Configuration]]) -> float:
    """Return the mean over settings, each the mean of its configurations."""
    return fmean(fmean(item.score.mean for item in items if item.score) for items in part.values())


def varied_values(ranking: Ranking) -> dict[str, list[str]]:
    """Return the values of each symbol that varies between ranked configurations, in plan order."""
    axes: dict[str, dict[str, None]] = {}
    for item in in_plan_order(ranking.ranked):
        for name, text in swept_values(item.first).items():
            axes.setdefault(name, {})[text] = None
    return {name: list(values) for name, values in axes.items() if len(values) > 1}
