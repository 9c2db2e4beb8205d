"""Which name was meant by a misspelt one: only names that are a slip of the pen away."""

from __future__ import annotations

from collections.abc import Iterable

LETTERS_PER_SLIP = 4
"""A word of twice as many letters may have two slips; words of three letters may have one."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that fewest slips turn `name` into, or None if all are too far off.

    A slip is a letter too many, too few, another one, or two that changed places.
    """
    most = max(len(name) // LETTERS_PER_SLIP, len(name) > 2)
    close = [other for other in names if abs(len(other) - len(name)) <= most]
    slips = {other: count_slips(name.lower(), other.lower()) for other in close}
    best = min(close, key=lambda other: slips[other], default=None)
    return best if best is not None and slips[best] <= most else None


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
