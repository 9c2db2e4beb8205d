"""When the weights of a growing network were born: what a method tells those who set rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class GrowthEvent:
    """An event that gave a network new weights, after update number `step`.

    `layers` names the modules that got them, as in `model.named_modules()`; none: all did.
    """

    step: int
    layers: tuple[str, ...] = ()


class BirthRecord(Protocol):
    """When each weight of what a method trains was born.

    Both are asked for before every update, so an answer should be kept until the next event.
    """

    def birth_steps(self, parameter: Tensor) -> Tensor | None:
        """Return after which update each weight was born, int, in the parameter's shape.

        0: it was there from the start, and so were all of the parameter if the answer is None;
        -1: it is dead.
        """
        ...

    def growths(self) -> Sequence[GrowthEvent]:
        """Return the events so far, in order, at most one a step."""
        ...
