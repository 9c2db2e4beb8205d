"""What a query is once it is read: comparisons, joined by and, or and not.

It is printed as it is written, with no more parentheses than it takes to be read as the same tree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

Value = str | float
"""What a configuration has: the text of a symbol, or the number of a measure."""
Lookup = Callable[[str], Iterable[Value]]
"""What a configuration has under a name: nothing, a value, or a value a seed."""

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_ESCAPED = re.compile(r'(["\\])')


def number_in(text: str) -> float | None:
    """Return the finite number that a text spells, else None."""
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


@dataclass(frozen=True)
class QueryComparison:
    """A name, one of `= != < <= > >= ~`, and a text; `quoted` ones are never read as numbers.

    `place` is where the name stands in the query, from 0; it makes no other comparison.
    """

    name: str
    operator: str
    text: str
    quoted: bool = False
    place: int = field(default=0, compare=False)

    def __str__(self) -> str:
        """Return it as it is written."""
        text = '"' + _ESCAPED.sub(r"\\\1", self.text) + '"' if self.quoted else self.text
        return f"{self.name}{self.operator}{text}"

    @property
    def number(self) -> float | None:
        """The number that values are compared with; None where it is a text."""
        return None if self.quoted or self.operator == "~" else number_in(self.text)

    def holds(self, lookup: Lookup) -> bool:
        """Return whether any value under the name satisfies it; `!=` is the opposite of `=`."""
        if self.operator == "!=":
            return not any(self._is_equal(value) for value in lookup(self.name))
        return any(self._satisfies(value) for value in lookup(self.name))

    def _satisfies(self, value: Value) -> bool:
        if self.operator == "=":
            return self._is_equal(value)
        if self.operator == "~":
            return isinstance(value, str) and self.text.lower() in value.lower()
        sides = self._alike(value)
        return sides is not None and _ORDERS[self.operator](*sides)

    def _is_equal(self, value: Value) -> bool:
        sides = self._alike(value)
        return sides is not None and sides[0] == sides[1]

    def _alike(self, value: Value) -> tuple[Value, Value] | None:
        """Return both sides as two numbers, or as two texts; None if they are of two kinds."""
        limit = self.number
        if limit is None:
            return (value, self.text) if isinstance(value, str) else None
        number = number_in(value) if isinstance(value, str) else value
        return None if number is None else (number, limit)


_ORDERS: dict[str, Callable[[Value, Value], bool]] = {
    "<": lambda a, b: a < b,  # type: ignore[operator]
    "<=": lambda a, b: a <= b,  # type: ignore[operator]
    ">": lambda a, b: a > b,  # type: ignore[operator]
    ">=": lambda a, b: a >= b,  # type: ignore[operator]
}
ORDERS = tuple(_ORDERS)
"""The operators that order two values."""


@dataclass(frozen=True)
class Not:
    """What holds where another query does not."""

    inner: Query

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"!{_within(self.inner, isinstance(self.inner, (Both, Either)))}"

    def holds(self, lookup: Lookup) -> bool:
        """Return whether it holds for a configuration."""
        return not self.inner.holds(lookup)


@dataclass(frozen=True)
class Both:
    """What holds where two queries do; those of a chain are grouped from the left."""

    left: Query
    right: Query

    def __str__(self) -> str:
        """Return it as it is written."""
        left = _within(self.left, isinstance(self.left, Either))
        return f"{left} & {_within(self.right, isinstance(self.right, (Both, Either)))}"

    def holds(self, lookup: Lookup) -> bool:
        """Return whether it holds for a configuration."""
        return self.left.holds(lookup) and self.right.holds(lookup)


@dataclass(frozen=True)
class Either:
    """What holds where one of two queries does, or both."""

    left: Query
    right: Query

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.left} | {_within(self.right, isinstance(self.right, Either))}"

    def holds(self, lookup: Lookup) -> bool:
        """Return whether it holds for a configuration."""
        return self.left.holds(lookup) or self.right.holds(lookup)


Query = QueryComparison | Not | Both | Either


def comparisons(query: Query) -> Iterator[QueryComparison]:
    """Yield the comparisons of a query, in the order in which they stand."""
    match query:
        case QueryComparison():
            yield query
        case Not(inner):
            yield from comparisons(inner)
        case Both(left, right) | Either(left, right):
            yield from comparisons(left)
            yield from comparisons(right)


def _within(query: Query, grouped: bool) -> str:
    return f"({query})" if grouped else str(query)
