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
from functools import cached_property
from statistics import fmean
from typing import Any

from espalier.analysis.arms import in_plan_order
from espalier.analysis.rank import Configuration, Ranking

Cells = Mapping[str, Mapping[bytes, Sequence[int]]]
"""Places of configurations, by value of the symbol and by the other settings."""


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


@dataclass(frozen=True)
class SweptColumns:
    """What configurations, in plan order, have of each swept symbol: the place of a text, or -1."""

    items: Sequence[Configuration]

    @cached_property
    def names(self) -> list[tuple[str, ...]]:
        """The swept symbols of each configuration."""
        return [tuple(item.swept) for item in self.items]

    @cached_property
    def columns(self) -> dict[str, Any]:
        """An array for each symbol, one number a configuration."""
        import numpy as np  # its import would take a tenth of a second

        places: dict[str, dict[str, int]] = {}
        made = {name: np.full(len(self.items), -1) for names in set(self.names) for name in names}
        for row, item in enumerate(self.items):
            for name, text in item.swept.items():
                own = places.setdefault(name, {})
                made[name][row] = own.setdefault(text, len(own))
        return made


def axis_means(ranking: Ranking, name: str) -> AxisMeans:
    """Return the means of the values of `name`; see `means_of_axes`."""
    return means_of_axes(ranking, [name])[name]


def means_of_axes(ranking: Ranking, names: Iterable[str]) -> dict[str, AxisMeans]:
    """Return the means of the values of each swept symbol that is named.

    Over configurations that passed on all seeds and reached their target sparsity; if none did,
    over all. Values that were validated on different samples have no means.
    """
    table = SweptColumns(in_plan_order(ranking.ranked))
    return {name: _axis_means(table, name) for name in names}


def _axis_means(table: SweptColumns, name: str) -> AxisMeans:
    items = table.items
    every = [row for row, names in enumerate(table.names) if name in names]
    used = [n for n in every if items[n].complete and not items[n].short] or every
    groups = _groups(table, used, name)
    if any(name in items[n].samples for n in used):
        return AxisMeans({}, 0, len(every), ())
    shared, own = _symbols(table, groups, name)
    cells = {value: _cells(table, rows, shared) for value, rows in groups.items()}
    common = cells if _balanced(table, cells, shared) else _common(cells)
    means = {value: _mean(table, part) for value, part in common.items()}
    count = sum(len(rows) for part in common.values() for rows in part.values())
    return AxisMeans(means, count, len(every), own)


def _groups(table: SweptColumns, rows: Iterable[int], name: str) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for row in rows:
        groups.setdefault(table.items[row].swept[name], []).append(row)
    return groups


def _symbols(
    table: SweptColumns, groups: Mapping[str, Sequence[int]], name: str
) -> tuple[list[str], tuple[str, ...]]:
    """Return the other symbols that several values have, and those that one has alone."""
    having = Counter(symbol for rows in groups.values() for symbol in _names(table, rows))
    del having[name]
    shared = [symbol for symbol, count in having.items() if count > 1]
    return shared, tuple(symbol for symbol in having if symbol not in shared)


def _names(table: SweptColumns, rows: Iterable[int]) -> dict[str, None]:
    """Return the swept symbols that any of the rows has, in order of appearance."""
    different = dict.fromkeys(table.names[row] for row in rows)
    return dict.fromkeys(name for names in different for name in names)


def _cells(
    table: SweptColumns, rows: Sequence[int], shared: Sequence[str]
) -> dict[bytes, list[int]]:
    import numpy as np

    columns = [table.columns[symbol][rows] for symbol in shared]
    settings = np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0), dtype=int)
    cells: dict[bytes, list[int]] = {}
    for row, setting in zip(rows, settings, strict=True):
        cells.setdefault(setting.tobytes(), []).append(row)
    return cells


def _balanced(table: SweptColumns, cells: Cells, shared: Sequence[str]) -> bool:
    """Return whether each value has every text of each other symbol equally often."""
    firsts = [[rows[0] for rows in part.values()] for part in cells.values()]
    return len(cells) > 1 and all(_is_balanced(table.columns[each], firsts) for each in shared)


def _is_balanced(column: Any, parts: Sequence[Sequence[int]]) -> bool:
    """Return whether all parts have every text of one symbol equally often; -1 is none of them."""
    import numpy as np

    size = int(column.max()) + 2
    first, *others = (np.bincount(column[rows] + 1, minlength=size) for rows in parts)
    return all((first * each.sum() == each * first.sum()).all() for each in others)


def _common(cells: Cells) -> Cells:
    """Return what the most values have in common: for each of them the same settings."""
    having = Counter(setting for part in cells.values() for setting in part)
    setting, count = having.most_common(1)[0] if having else (b"", 0)
    if count < 2:
        return {}
    chosen = {value: part for value, part in cells.items() if setting in part}
    same = [each for each in cells[next(iter(chosen))] if all(each in p for p in chosen.values())]
    return {value: {each: part[each] for each in same} for value, part in chosen.items()}


def _mean(table: SweptColumns, part: Mapping[bytes, Sequence[int]]) -> float:
    """Return the mean over settings, each the mean of its configurations."""
    scores = ([table.items[row].score for row in rows] for rows in part.values())
    return fmean(fmean(score.mean for score in each if score) for each in scores)


def varied_values(items: Iterable[Configuration]) -> dict[str, list[str]]:
    """Return the values of each swept symbol that has several, in plan order."""
    axes: dict[str, dict[str, None]] = {}
    for item in in_plan_order(items):
        for name, text in item.swept.items():
            axes.setdefault(name, {})[text] = None
    return {name: list(values) for name, values in axes.items() if len(values) > 1}
