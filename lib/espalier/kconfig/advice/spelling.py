"""Which name was meant by a misspelt one: only names that are a slip of the pen away."""

from __future__ import annotations

import re
from collections.abc import Iterable

LETTERS_PER_SLIP = 4
"""A word of twice as many letters may have two slips; words of three letters may have one."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that fewest slips turn `name` into, or None if all are too far off.

    A slip is a letter too many, too few, another one, or two that changed places. It is not the
    first letter of a word: `gpu` is not a `cpu` misspelt.
    """
    close = [other for other in names if abs(len(other) - len(name)) <= _most(name)]
    slips = {other: _slips(name.lower(), other.lower()) for other in close}
    near = {other: n for other, n in slips.items() if n is not None}
    return min(near, key=lambda other: near[other], default=None)


def _slips(name: str, other: str) -> int | None:
    """Return the slips from one name to another; None if a word, or the whole, has too many."""
    words, others = re.split("[_-]", name), re.split("[_-]", other)
    pairs = list(zip(words, others, strict=True)) if len(words) == len(others) else [(name, other)]
    total = 0
    for word, meant in pairs:
        slips = count_slips(word, meant)
        if slips and not (slips <= _most(word) and _begin_alike(word, meant)):
            return None
        total += slips
    return total if total <= _most(name) else None


def _most(word: str) -> int:
    return max(len(word) // LETTERS_PER_SLIP, len(word) > 2)


def _begin_alike(word: str, other: str) -> bool:
    return word[:1] == other[:1] or word[:2] == other[1::-1]


def count_slips(first: str, second: str) -> int:
    """Return the optimal string alignment distance of two words.

    Source: https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance.
    """
    earlier: list[int] = []
    before = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        now = [i]
        for j, b in enumerate(second, start=1):
            slips = min(before[j] + 1, now[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == second[j - 2] and first[i - 2] == b:
                slips = min(slips, earlier[j - 2] + 1)
            now.append(slips)
        earlier, before = before, now
    return before[-1]
