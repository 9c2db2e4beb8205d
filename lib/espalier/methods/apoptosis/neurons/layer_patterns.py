"""Which layers take part: named, by wildcards, or by their depth."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import EllipsisType
from typing import Literal

from espalier.surgery.pairing.pairs import Pair

Pattern = Literal["all", "shallow", "middle", "deep", "alternating", "graduated", "named"]

GRADUATED = (1.5, 1.0, 0.5)
"""Turnover in the first, middle and last third of the layers, times the rate."""


Names = Sequence[str | EllipsisType]


def select_pairs(
    pairs: Sequence[Pair], names: Names, refused: Mapping[str, str] | None = None
) -> list[Pair]:
    """Return the pairs called `names`, in the model's order.

    A name may hold wildcards (`blocks.*.ffn.0`). `...` stands for all whose names differ from
    those given in numbers only. Raises ValueError for a name that fits none, with the reason if
    that is among the `refused`, and for none at all.
    """
    given = [name for name in names if isinstance(name, str)]
    alike = {_numberless(name) for name in given} if len(given) < len(names) else set()
    for name in given:
        if not any(fnmatchcase(pair.name, name) for pair in pairs):
            raise ValueError(f"no pair of layers begins at {name!r}{_why(name, pairs, refused)}")
    matching = [
        pair
        for pair in pairs
        if _numberless(pair.name) in alike or any(fnmatchcase(pair.name, n) for n in given)
    ]
    if not matching:
        raise ValueError("no layers are named; name one or more, as in 'blocks.*.ffn.0'")
    return matching


def _why(name: str, pairs: Sequence[Pair], refused: Mapping[str, str] | None) -> str:
    reasons = [
        f"{layer}: {reason}"
        for layer, reason in (refused or {}).items()
        if fnmatchcase(layer, name)
    ]
    names_there = ", ".join(pair.name for pair in pairs) or "none"
    return f" ({'; '.join(reasons[:5])})" * bool(reasons) + f"; those of this model: {names_there}"


def _numberless(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _third(place: int, count: int) -> int:
    """Return which third of the layers layer `place` of `count` is in: 0, 1 or 2."""
    return 3 * (2 * place + 1) // (2 * count)


SHARES: dict[Pattern, Callable[[int, int], float]] = {
    "all": lambda place, count: 1.0,
    "shallow": lambda place, count: float(2 * place + 1 <= count),
    "middle": lambda place, count: float(abs(2 * place + 1 - count) <= max(1, count / 3)),
    "deep": lambda place, count: float(2 * place + 1 >= count),
    "alternating": lambda place, count: float(place % 2 == 0),
    "graduated": lambda place, count: GRADUATED[_third(place, count)],
    "named": lambda place, count: 1.0,
}
"""For a layer's place among all, what its rate of turnover is multiplied with."""


def layer_shares(pairs: Sequence[Pair], pattern: Pattern) -> dict[str, float]:
    """Return the share of each layer that takes part; raises ValueError if none does."""
    by_layer = {pair.name: SHARES[pattern](i, len(pairs)) for i, pair in enumerate(pairs)}
    if not any(by_layer.values()):
        raise ValueError(f"the pattern {pattern!r} chooses none of {len(pairs)} layers")
    return {name: share for name, share in by_layer.items() if share}
