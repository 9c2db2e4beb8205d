"""Orthogonal arrays: few rows in which every pair of columns holds each combination equally often.

So the mean over the rows with one level of an axis is not shifted by the other axes, as far as
effects add up. The arrays are constructed, not typed in; columns of linear arrays stand in the
order of the printed tables.

Source: Bose and Bush 1952, "Orthogonal arrays of strength two and three" (linear arrays, L18 from
a difference scheme); Plackett and Burman 1946 (L12); Hedayat, Sloane and Stufken 1999,
"Orthogonal Arrays" (columns merged into one of more levels); Taguchi 1987 (names and order).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Row = tuple[int, ...]
Column = tuple[int, ...]
"""Numbers, from 1, of the columns of an array that serve as one; mostly a single one."""


@dataclass(frozen=True)
class Array:
    """An array and the columns that it offers, merged ones first, else the preferred ones first."""

    name: str
    rows: tuple[Row, ...]  # levels from 0
    columns: tuple[Column, ...]

    def levels(self, column: Column) -> tuple[int, ...]:
        """Return the levels of a column row by row; a merged one counts its parts' combinations."""
        combined = [tuple(row[number - 1] for number in column) for row in self.rows]
        places = {parts: level for level, parts in enumerate(sorted(set(combined)))}
        return tuple(places[parts] for parts in combined)

    def size(self, column: Column) -> int:
        """Return how many levels a column has."""
        return len(set(self.levels(column)))


@dataclass(frozen=True)
class Design:
    """Axes on columns of an array: `rows` has the level of every axis, each combination once."""

    array: str
    columns: tuple[Column, ...]  # in the order of the axes
    rows: tuple[Row, ...]

    @property
    def combinations(self) -> int:
        """The rows of the full grid."""
        return math.prod(len(set(column)) for column in zip(*self.rows, strict=True))

    @property
    def strength(self) -> int:
        """So many columns hold every combination equally often: all of a full grid, else 2 or 3.

        From 3 on, no main effect is mixed with an interaction of two axes.
        """
        if len(self.rows) == self.combinations:
            return len(self.columns)
        return 3 if balanced(self.rows, 3) else 2


def choose(levels: Sequence[int]) -> Design | None:
    """Return the smallest array with a column of so many levels for each axis; None if none has.

    An axis never loses a level, and no level stands in for another.
    """
    for array in ARRAYS:
        columns = _assigned(array, levels)
        if columns:
            rows = zip(*(array.levels(column) for column in columns), strict=True)
            return Design(array.name, columns, tuple(dict.fromkeys(rows)))
    return None


def balanced(rows: Iterable[Row], width: int) -> bool:
    """Return whether any `width` columns hold every combination of their levels equally often."""
    columns = list(zip(*rows, strict=True))
    return all(map(_even, itertools.combinations(columns, width)))


def _even(columns: Sequence[Sequence[int]]) -> bool:
    counts = Counter(zip(*columns, strict=True))
    possible = math.prod(len(set(column)) for column in columns)
    return len(counts) == possible and len(set(counts.values())) == 1


def _assigned(array: Array, levels: Sequence[int]) -> tuple[Column, ...]:
    """Assign a column to each axis, those with most levels first; empty if there are too few."""
    taken: dict[int, Column] = {}
    used: set[int] = set()
    for axis in sorted(range(len(levels)), key=lambda axis: -levels[axis]):
        free = (column for column in array.columns if not used.intersection(column))
        column = next((column for column in free if array.size(column) == levels[axis]), None)
        if column is None:
            return ()
        taken[axis] = column
        used.update(column)
    return tuple(taken[axis] for axis in range(len(levels)))


def _linear(name: str, prime: int, dimension: int, merged: Sequence[Column] = ()) -> Array:
    """Build an array: rows are the points of a space over GF(prime), columns its directions.

    Columns of one direction come first, then those of an odd number: the fewer axes there are,
    the less their main effects are mixed with interactions. `merged` are whole subspaces.
    """
    points = list(itertools.product(range(prime), repeat=dimension))
    ways = [way for way in points if next(filter(None, reversed(way)), 0) == 1]
    ways.sort(key=lambda way: way[::-1])
    rows = tuple(tuple(_product(way, point) % prime for way in ways) for point in points)
    weights = [sum(map(bool, way)) for way in ways]
    single = sorted(range(len(ways)), key=lambda i: (weights[i] != 1, weights[i] % 2 == 0))
    return Array(name, rows, (*merged, *((i + 1,) for i in single)))


def _product(way: Row, point: Row) -> int:
    return sum(a * b for a, b in zip(way, point, strict=True))


def _paley_12() -> Array:
    """Build L12: shifts of the squares modulo 11, and a row without any."""
    squares = {n * n % 11 for n in range(11)}
    rows = [tuple(int((j - i) % 11 in squares) for j in range(11)) for i in range(11)]
    return Array("L12", (*rows, (0,) * 11), _singles(11))


def _difference_18() -> Array:
    """Build L18: a difference scheme of 6 x 6 over Z3 and its shifts, beside the scheme's row.

    In the scheme any two columns differ by 0, 1 and 2 equally often: a border of 0 around squares
    (1) and non-squares (2) modulo 5. The row's number makes a column of 2 levels and one of 3.
    """
    core = (0, 1, 2, 2, 1)
    scheme = [(0,) * 6, *((0, *(core[(j - i) % 5] for j in range(5))) for i in range(5))]
    rows = tuple(
        (i // 3, i % 3, *((entry + shift) % 3 for entry in line))
        for i, line in enumerate(scheme)
        for shift in range(3)
    )
    return Array("L18", rows, ((1, 2), *_singles(8)))


def _singles(count: int) -> tuple[Column, ...]:
    return tuple((number,) for number in range(1, count + 1))


# The cosets of GF(4) in GF(16): five lines that share no column, each of them 4 levels.
_LINES = ((1, 6, 7), (2, 12, 14), (4, 11, 15), (5, 8, 13), (3, 9, 10))

ARRAYS = (
    _linear("L4", 2, 2),
    _linear("L8", 2, 3, merged=[(1, 2, 3)]),
    _linear("L9", 3, 2),
    _paley_12(),
    _linear("L16", 2, 4, merged=[(1, 2, 3, 4, 5, 6, 7), *_LINES]),
    _difference_18(),
    _linear("L27", 3, 3, merged=[(1, 2, 3, 4)]),
)
"""By number of rows."""

OFFERS = (
    "L4: 2^3; L8: 2^7 or 4 x 2^4; L9: 3^4; L12: 2^11; L16: 2^15, each 4 in place of three 2, or "
    "8 x 2^8; L18: 2 x 3^7 or 6 x 3^6; L27: 3^13 or 9 x 3^9"
)
"""What there is, for messages: values ^ axes."""
