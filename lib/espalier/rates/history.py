"""What a method that grows a network tells of it: when each weight was born, and every event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from espalier.contracts import Run


@dataclass(frozen=True)
class Growth:
    """An event that gave a network new weights, after update number `step`.

    `layers` names the modules that got them, as in `model.named_modules()`; none: all did.
    """

    step: int
    layers: tuple[str, ...] = ()


@runtime_checkable
class Growing(Protocol):
    """A method, of `espalier.contracts`, that knows the age of what it trains.

    Both are asked for before every update, so an answer should be kept until the next event.
    """

    def birth_steps(self, run: Run, parameter: Tensor) -> Tensor | None:
        """After which update each weight was born, int, of the parameter's shape.

        0: it was there from the start, and so were all of the parameter if the answer is None;
        -1: it is dead.
        """
        ...

    def growths(self, run: Run) -> Sequence[Growth]:
        """The events so far, in order, at most one a step."""
        ...
