"""The mean of each pair of values of two swept symbols, and whether the means can be compared.

The means of two cells can be compared if both are over the same other settings. A cell that has
others than most cells have is not balanced: its mean is shown with a mark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from espalier.analysis.arms import in_plan_order, mean_by_draw
from espalier.analysis.axis_means import varied_values
from espalier.analysis.confidence import Interval, interval
from espalier.analysis.rank import Configuration, Ranking

Place = tuple[str, str]
"""The values of the two symbols."""
Setting = tuple[str | None, ...]
"""The values of the other symbols."""


@dataclass(frozen=True)
class MeanCell:
    """The mean over configurations, each setting counting once; `over_seeds` is its interval.

    `balanced` says that it has the other settings that most cells have.
    """

    mean: float
    over_seeds: Interval | None
    items: tuple[Configuration, ...]
    balanced: bool


@dataclass(frozen=True)
class CellMeans:
    """The cells of two symbols by their values, in plan order.

    `over` are the other symbols that the means are over, `own` those of them that only one value
    of either symbol has. `left` configurations lack one of the two symbols, did not pass on all
    seeds or missed their target sparsity.
    """

    cells: Mapping[Place, MeanCell]
    over: tuple[str, ...]
    own: tuple[str, ...]
    left: int


def cell_means(ranking: Ranking, first: str, second: str) -> CellMeans:
    """Return the mean of the ranking measure for each pair of values that a configuration has.

    Over configurations that passed on all seeds and reached their target sparsity; if none did,
    over all.
    """
    every = in_plan_order(ranking.ranked)
    having = [item for item in every if {first, second} <= item.swept.keys()]
    used = [item for item in having if item.complete and not item.short] or having
    groups: dict[Place, list[Configuration]] = {}
    for item in used:
        groups.setdefault((item.swept[first], item.swept[second]), []).append(item)
    others = [name for name in varied_values(used) if name not in (first, second)]
    shared = [name for name in others if _is_shared(groups, name)]
    split = {place: _by_setting(items, shared) for place, items in groups.items()}
    usual = Counter(frozenset(each) for each in split.values()).most_common(1)
    cells = {place: _cell(each, usual[0][0]) for place, each in split.items()}
    own = tuple(name for name in others if name not in shared)
    return CellMeans(cells, tuple(others), own, len(ranking.ranked) - len(used))


def _is_shared(groups: Mapping[Place, Sequence[Configuration]], name: str) -> bool:
    """Return whether several values of both symbols have the symbol."""
    having = [place for place, items in groups.items() if any(name in item.swept for item in items)]
    counts = [(len({p[n] for p in having}), len({p[n] for p in groups})) for n in (0, 1)]
    return all(own > 1 or every == 1 for own, every in counts)


def _by_setting(
    items: Iterable[Configuration], names: Sequence[str]
) -> dict[Setting, list[Configuration]]:
    split: dict[Setting, list[Configuration]] = {}
    for item in items:
        split.setdefault(tuple(map(item.swept.get, names)), []).append(item)
    return split


def _cell(split: Mapping[Setting, Sequence[Configuration]], usual: frozenset[Setting]) -> MeanCell:
    items = tuple(item for group in split.values() for item in group)
    mean = fmean(fmean(item.score.mean for item in group if item.score) for group in split.values())
    over_seeds = interval(list(mean_by_draw([item.scores for item in items]).values()))
    return MeanCell(mean, over_seeds, items, frozenset(split) == usual)
