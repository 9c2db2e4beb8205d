"""The best configuration of each value of a swept symbol, at each value of another.

What is behind there is so by all configurations with that value of the second symbol (see
`rank.with_verdicts`), so it holds although each row was picked as the best of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from espalier.analysis.arms import in_plan_order
from espalier.analysis.rank import Configuration, Ranking, with_verdicts
from espalier.core.errors import UserError

OPTION = "BEST_PER"
MAX_SYMBOLS = 2

KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(frozen=True)
class BestThere:
    """The configurations with one `level` of the second symbol, ranked among themselves.

    `best` is the first of each value of the first symbol, in the order of the ranking; `counts`
    are how many there are of each.
    """

    level: str
    ranking: Ranking
    best: dict[str, Configuration]
    counts: dict[str, int]


@dataclass(frozen=True)
class BestPer:
    """The best of each value of `symbol`, at each value of `at`; empty for all at once."""

    symbol: str
    at: str
    groups: tuple[BestThere, ...]


def parse_best_per(text: str) -> list[str]:
    """Return the one or two symbols that a text names, without CONFIG_. Raises UserError."""
    names = [part.strip().removeprefix("CONFIG_") for part in text.split(",")]
    if not all(names) or len(names) > MAX_SYMBOLS or len(set(names)) < len(names):
        rule = "must be one swept symbol or two by a comma, as PRUNING_METHOD,TARGET_SPARSITY"
        raise UserError(f"{OPTION}={text}: {rule}")
    return names


def check_swept(names: Iterable[str], every: Iterable[Configuration], text: str) -> None:
    """Raise UserError, with the symbols that are, for one of `names` that is not swept."""
    swept = dict.fromkeys(name for item in every for name in item.swept)
    for name in names:
        if name not in swept:
            listed = ", ".join(swept) or "seeds alone"
            raise UserError(f"{OPTION}={text}: {name} is not swept; swept are {listed}")


def best_per(ranking: Ranking, text: str) -> BestPer:
    """Return the best of each value of the first symbol at each of the second. Raises UserError.

    Values are in the order of the plan, best ones in that of the ranking.
    """
    names = parse_best_per(text)
    check_swept(names, ranking.configurations, text)
    symbol, at = (*names, "")[:MAX_SYMBOLS]
    planned = in_plan_order(ranking.ranked)
    levels = dict.fromkeys(value(item, at) for item in planned)
    groups = (_there(ranking, symbol, at, level) for level in levels)
    return BestPer(symbol, at, tuple(groups))


def best_by(
    items: Iterable[Configuration], key: Callable[[Configuration], KeyT]
) -> dict[KeyT, Configuration]:
    """Return the first of `items` for each key, in their order."""
    best: dict[KeyT, Configuration] = {}
    for item in items:
        best.setdefault(key(item), item)
    return best


def value(item: Configuration, symbol: str) -> str:
    """Return the value of a symbol; empty for one that the configuration does not have."""
    return item.first.config.get(symbol, "")


def _there(ranking: Ranking, symbol: str, at: str, level: str) -> BestThere:
    own = [item for item in ranking.ranked if value(item, at) == level]
    there = Ranking(ranking.by, tuple(with_verdicts(own, ranking.measure)), ())
    best = best_by(there.ranked, lambda item: value(item, symbol))
    return BestThere(level, there, best, {text: _count(own, symbol, text) for text in best})


def _count(items: Sequence[Configuration], symbol: str, text: str) -> int:
    return sum(value(item, symbol) == text for item in items)
