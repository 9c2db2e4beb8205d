"""Which sizes of a model fit a budget: counted and solved for, before anything is built.

All dimensions of size but one are enumerated. The last is one whose growth never makes the model
smaller, so what fits is a run of its values, found by bisection.
"""

from __future__ import annotations

import dataclasses
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import NamedTuple

from espalier.core.contracts import CannotTrain, Model
from espalier.core.errors import UserError
from espalier.core.samples import Shape
from espalier.search.distributions import Choices
from espalier.train.building.parameter_budget import Budget

FIT = 0
"""The value of a free field that stands for the largest that fits, where no other value does."""
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
    smallest: float = math.inf
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
    sizes: Mapping[str, Choices]
    tally: Tally = field(default_factory=Tally)

    def cells(self) -> Iterator[Cell]:
        """Yield every cell, in the order of the space. Raises UserError if they are too many."""
        fixed = {name: law for name, law in self.sizes.items() if name != self.solved}
        size = math.prod(len(law.values) for law in fixed.values())
        if size > MOST_COMBINATIONS:
            rule = f"at most {MOST_COMBINATIONS} can be tried"
            raise UserError(f"the space has {size} combinations of sizes: {rule}; narrow it")
        for places in product(*(range(len(law.values)) for law in fixed.values())):
            pairs = list(zip(fixed.items(), places, strict=True))
            chosen = {name: law.values[place] for (name, law), place in pairs}
            chance = math.prod(law.mass(place, place + 1) for (_, law), place in pairs)
            yield from self._cell(chosen, chance)

    def limits(self) -> dict[str, int]:
        """Return the most that makes sense on this data, by free field that the space varies."""
        free = [name for name in self.sizes if name in self.model.free]
        return {name: self.model.largest(name, self.shape) for name in free}

    def count(self, sizes: Mapping[str, int]) -> int:
        """Return the exact number of parameters. Raises UserError if the data do not suit."""
        try:
            return dataclasses.replace(self.model, **sizes).parameters(self.shape)
        except CannotTrain as error:
            raise UserError(f"the space: {error}") from None

    @cached_property
    def solved(self) -> str:
        """The field to solve for: the free one with most values, one that asks for it first."""
        free = [name for name in self.sizes if name in self.model.free]
        return max(free, key=lambda name: _width(self.sizes[name]), default="")

    @cached_property
    def _laws(self) -> list[Choices]:
        """What the solved field is drawn from, ascending, and what is tried if none of it fits."""
        law, limit = self.sizes[self.solved], self._most(self.solved)
        listed = Choices(sorted(value for value in law.values if value != FIT), law.log)
        return [listed, Choices(range(1, int(limit) + 1))] if FIT in law.values else [listed]

    @property
    def _end(self) -> float:
        """The first count that is too large."""
        return self.budget.limit + 1 if self.budget.limit else math.inf

    def _cell(self, chosen: dict[str, int], chance: float) -> Iterator[Cell]:
        if any(value > self._most(name) for name, value in chosen.items()):
            self.tally.beyond += len(self.sizes[self.solved].values) if self.solved else 1
        elif self.solved:
            yield from self._solved_cells(chosen, chance)
        else:
            count = self.count(chosen)
            self.tally.reached(count)
            self.tally.under += count < self.budget.minimum
            self.tally.over += count >= self._end
            if self.budget.minimum <= count < self._end:
                yield Cell(chosen, "", (), (), chance)

    def _solved_cells(self, chosen: dict[str, int], chance: float) -> Iterator[Cell]:
        """Yield the values that fit beside `chosen`; else the largest, if the space wants it."""
        law, sensible = self._laws[0], bisect_right(self._laws[0].values, self._most(self.solved))
        first, end = self._run(chosen, law.values[:sensible])
        if first == end and len(self._laws) > 1:
            law = self._laws[1]
            low, end = self._run(chosen, law.values)
            first = max(low, end - 1)
            self.tally.under += low == end > 0
            self.tally.over += not end
        else:
            self.tally.under += first
            self.tally.over += sensible - end
            self.tally.beyond += len(law.values) - sensible
        if first < end:
            sums = [law.mass(first, place) for place in range(first, end + 1)]
            share = 1.0 if len(self._laws) > 1 else sums[-1]
            yield Cell(chosen, self.solved, law.values[first:end], sums, chance * share)

    def _run(self, chosen: dict[str, int], values: Sequence[int]) -> tuple[int, int]:
        """Return the places in ascending `values` of the first that fits and the first too big."""
        if not values:
            return 0, 0

        def count(value: int) -> int:
            return self.count({**chosen, self.solved: value})

        low, high = count(values[0]), count(values[-1])
        self.tally.reached(low, high)
        first = 0 if low >= self.budget.minimum else len(values)
        end = len(values) if high < self._end else 0
        if low < self.budget.minimum <= high:
            first = bisect_left(values, self.budget.minimum, key=count)
        if low < self._end <= high:
            end = bisect_left(values, self._end, key=count)
        return first, end

    def _most(self, name: str) -> float:
        return self.model.largest(name, self.shape) if name in self.model.free else math.inf


def _width(law: Choices) -> float:
    return math.inf if FIT in law.values else len(law.values)
