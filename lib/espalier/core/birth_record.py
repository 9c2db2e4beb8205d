"""The birth step of each weight of a growing network, from which learning rates are set."""

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
    """The step at which each weight was born.

    Both methods are called before every update, so keep what they return until the next event.
    """

    def birth_steps(self, parameter: Tensor) -> Tensor | None:
        """Return the number of the update each weight was born after, int, `parameter`'s shape.

        0 for a weight that was there from the start, -1 for a dead one. Return None for a parameter
        whose weights were all there from the start.
        """
        ...

    def growths(self) -> Sequence[GrowthEvent]:
        """Return the events so far, in their order, at most one a step."""
        ...
