"""Few of many cases: with each value, or pair of values, rather than with all combinations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import pytest

Case = TypeVar("Case", bound=tuple[Any, ...])


def covering(cases: Sequence[Case], parts: Callable[..., Sequence[Hashable]]) -> list[Case]:
    """Return cases that have together each part that any of `cases` has, in their order.

    `parts` is given the values of a case. The case that brings the most new parts is taken next;
    of several, one whose parts were taken least, so that no value meets the same others always.
    """
    parts_of = [parts(*case) for case in cases]
    taken: Counter[Hashable] = Counter()
    chosen: list[int] = []
    missing = {part for each in parts_of for part in each}
    while missing:
        chosen.append(min(range(len(cases)), key=lambda i: _rank(parts_of[i], missing, taken)))
        taken.update(parts_of[chosen[-1]])
        missing.difference_update(parts_of[chosen[-1]])
    return [cases[i] for i in sorted(_needed(chosen, parts_of))]


def _needed(chosen: Sequence[int], parts_of: Sequence[Sequence[Hashable]]) -> list[int]:
    """Return `chosen` without those that bring nothing which the others do not bring."""
    needed = list(chosen)
    for i in chosen:
        others = {part for j in needed if j != i for part in parts_of[j]}
        if others.issuperset(parts_of[i]):
            needed.remove(i)
    return needed


def _rank(
    parts: Sequence[Hashable], missing: set[Hashable], taken: Counter[Hashable]
) -> tuple[int, int]:
    return -len(missing.intersection(parts)), sum(taken[part] for part in parts)


def rest_nightly(cases: Sequence[Case], parts: Callable[..., Sequence[Hashable]]) -> list[Any]:
    """Return all cases for `parametrize`; those that `covering` leaves out are nightly."""
    chosen = covering(cases, parts)
    marks = [() if case in chosen else pytest.mark.nightly for case in cases]
    return [pytest.param(*case, marks=mark) for case, mark in zip(cases, marks, strict=True)]
