"""Which sizes of a model fit a budget: counted and solved for, before anything is built.

All dimensions of size but one are enumerated. The last is one whose growth never makes the model
smaller, so what fits is a run of its values, found by bisection.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from espalier.budget import Budget
from espalier.contracts import Model, Shape
from espalier.errors import UserError
from espalier.search.distributions import Listed

FIT = 0
"""The value of a free field that stands for the largest that fits."""
MOST_COMBINATIONS = 500_000


class Cell(NamedTuple):
    """Sizes that fit: those of `fixed` fields, with any of `values` for the field `solved`.

    `chance` is the probability that a draw from the space is one of them; `sums` are the shares of
    the first n values in it.
    """

    fixed: Mapping[str, int]
    solved: str  # empty if every size is fixed
    values: Sequence[int]
    sums: Sequence[float]
    chance: float


@dataclass
class Tally:
    """What does not fit, in combinations of sizes, and the counts that can be reached."""

    over: int = 0
    under: int = 0
    beyond: int = 0  # larger than makes sense on this data
    smallest: float = float("inf")
    largest: float = 0

    def reached(self, *counts: int) -> None:
        """Take note of counts that the space has."""
        self.smallest = min(self.smallest, *counts)
        self.largest = max(self.largest, *counts)

    def add(self, other: Tally) -> None:
        """Take over what another context has found."""
        self.over += other.over
        self.under += other.under
        self.beyond += other.beyond
        if other.largest:
            self.reached(int(other.smallest), int(other.largest))


@dataclass
class Sizing:
    """The sizes of one `model` on data of `shape` that fit `budget`.

    `sizes` are the distributions of the fields that the space varies.
    """

    model: Model
    shape: Shape
    budget: Budget
    sizes: Mapping[str, Listed]
    tally: Tally = field(default_factory=Tally)

    def cells(self) -> Iterator[Cell]:
        """Every cell, in the order of the space. Raises UserError if there are too many to try."""
        solved = self._solved()
        fixed = {name: one for name, one in self.sizes.items() if name != solved}
        counts = [range(len(one.values)) for one in fixed.values()]
        if (size := _size(counts)) > MOST_COMBINATIONS:
            rule = f"at most {MOST_COMBINATIONS} can be tried"
            raise UserError(f"the space has {size} combinations of sizes: {rule}; narrow it")
        for places in product(*counts):
            pairs = list(zip(fixed.items(), places, strict=True))
            chosen = {name: one.values[place] for (name, one), place in pairs}
            chance = 1.0
            for (_, one), place in pairs:
                chance *= one.mass(place, place + 1)
            yield from self._cell(chosen, solved, chance)

    def count(self, sizes: Mapping[str, int]) -> int:
        """The exact number of parameters."""
        return dataclasses.replace(self.model, **sizes).parameters(self.shape)

    @property
    def _end(self) -> float:
        """The first count that is too large."""
        return self.budget.most + 1 if self.budget.most else float("inf")

    def _solved(self) -> str:
        """The field to solve for: the free one with most values, one that asks for it first."""
        free = [name for name in self.sizes if name in self.model.free]
        for name in free:
            values = self.sizes[name].values
            if FIT in values and len(values) > 1:
                raise UserError(f"{name}: {FIT} (what fits) cannot stand beside other values")
        return max(free, key=lambda name: self._width(self.sizes[name]), default="")

    def _width(self, one: Listed) -> float:
        return float("inf") if FIT in one.values else len(one.values)

    def _cell(self, chosen: dict[str, int], solved: str, chance: float) -> Iterator[Cell]:
        if any(value > self._most(name) for name, value in chosen.items()):
            self.tally.beyond += len(self.sizes[solved].values) if solved else 1
            return
        if solved:
            yield from self._of_solved(chosen, solved, chance)
            return
        count = self.count(chosen)
        self.tally.reached(count)
        self.tally.under += count < self.budget.least
        self.tally.over += count >= self._end
        if self.budget.least <= count < self._end:
            yield Cell(chosen, "", (), (), chance)

    def _of_solved(self, chosen: dict[str, int], solved: str, chance: float) -> Iterator[Cell]:
        one, most = self.sizes[solved], self._most(solved)
        fit = FIT in one.values
        law = Listed(range(1, int(most) + 1) if fit else sorted(one.values), one.log)
        known = bisect_right(law.values, most)
        first, end = self._run(chosen, solved, law.values[:known])
        if fit:
            self.tally.over += not end
            self.tally.under += first == end > 0
            first = max(first, end - 1)
        else:
            self.tally.under += first
            self.tally.over += known - end
            self.tally.beyond += len(law.values) - known
        if first < end:
            sums = [law.mass(first, place) for place in range(first, end + 1)]
            share = 1.0 if fit else sums[-1]
            yield Cell(chosen, solved, law.values[first:end], sums, chance * share)

    def _run(self, chosen: dict[str, int], solved: str, values: Sequence[int]) -> tuple[int, int]:
        """The places in ascending `values` of the first that fits and the first too large."""
        if not values:
            return 0, 0

        def count(value: int) -> int:
            return self.count({**chosen, solved: value})

        low, high = count(values[0]), count(values[-1])
        self.tally.reached(low, high)
        if high < self.budget.least or low >= self._end:
            return (len(values),) * 2 if high < self.budget.least else (0, 0)
        first = bisect_left(values, self.budget.least, key=count) if low < self.budget.least else 0
        end = bisect_left(values, self._end, key=count)
        return first, end

    def _most(self, name: str) -> float:
        return self.model.most(name, self.shape) if name in self.model.free else float("inf")


def _size(counts: Sequence[range]) -> int:
    size = 1
    for count in counts:
        size *= len(count)
    return size
