"""A linear layer that starts with all its inputs and drops columns of weights as it trains.

This is structured pruning of input features, not dropout: a column that is dropped, the weights of
one input to all units, is 0 from then on, and so is its optimizer state.

Source: saurluca/dendritic-computation at 24fc87b, its DropLinear.
Differs: updates are counted and not forward passes, whether training or not; columns are rounded so
that the target is met and not missed by up to one column; state of dropped columns is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from espalier.core.arguments import check_counts
from espalier.layers.dendrites import input_rows
from espalier.sparse.masked_weight import weight_and_state
from espalier.sparse.schedule import count_events

DropPace = Literal["linear", "exponential"]
DECAY = 0.5  # of the exponential pace: the first drop over the last is exp(0.5) at most

PACES: dict[DropPace, Callable[[float], float]] = {  # share of the drops done -> relative size
    "linear": lambda t: 1.0,
    "exponential": lambda t: math.exp(-DECAY * t),
}


@dataclass(frozen=True)
class Shrinking:
    """Which update drops how many of `columns`: every `every` updates up to `stop` of `updates`.

    The drops add up to `columns` exactly. Raises ValueError if there is no update to drop them at.
    """

    columns: int
    updates: int
    every: int = 128
    stop: float = 0.9
    pace: DropPace = "linear"

    def __post_init__(self) -> None:
        if not 0 < self.stop <= 1 or self.every < 1 or self.columns < 0:
            raise ValueError(
                "0 < stop <= 1, every >= 1 and columns >= 0 must hold, but "
                f"stop={self.stop}, every={self.every}, columns={self.columns}"
            )
        if self.drops == 0:
            raise ValueError(
                f"no drop comes within {self.stop:g} of {self.updates} updates and before the "
                f"last, every {self.every}"
            )

    @property
    def drops(self) -> int:
        """Number of drops; none comes after the last update."""
        return count_events(self.every, self.stop, self.updates)

    @cached_property
    def sizes(self) -> list[int]:
        """The columns of each drop; what rounding leaves over goes to the first ones."""
        weights = [PACES[self.pace](i / self.drops) for i in range(self.drops)]
        total = sum(weights)
        sizes = [math.floor(self.columns * size / total) for size in weights]
        for i in range(self.columns - sum(sizes)):
            sizes[i] += 1
        return sizes

    def after(self, update: int) -> int:
        """Return the number of columns dropped after update `update` (1 is the first)."""
        nth, rest = divmod(update, self.every)
        return self.sizes[nth - 1] if rest == 0 and 0 < nth <= self.drops else 0


def surplus_columns(inputs: int, outputs: int, target: int) -> int:
    """Return the columns to drop for a layer with biases to have `target` parameters or fewer.

    Raises ValueError if not even one column could stay.
    """
    surplus = max(0, inputs * outputs + outputs - target)
    columns = -(-surplus // outputs)
    if columns >= inputs:
        raise ValueError(
            f"target {target} leaves no input: {outputs} units with one input and a bias each have "
            f"{2 * outputs} parameters"
        )
    return columns


def smallest_columns(weight: Tensor, live: Tensor, count: int) -> Tensor:
    """Return (count,): the columns of `weight` (outputs, inputs) with the smallest sums of |w|.

    Among those that `live` (inputs,) bool marks.
    """
    sizes = weight.detach().abs().sum(0).masked_fill(~live, math.inf)
    return sizes.topk(count, largest=False).indices


class DropLinear(nn.Linear):
    """torch's linear layer, which loses inputs until it has at most `target` parameters.

    Tell it of the optimizer with `follow`; it then counts that optimizer's updates, of which there
    will be `updates` in all, and drops columns every `every` of them until `stop` of them are done.
    Evaluation does not count. Raises ValueError if that cannot be.
    """

    live: Tensor
    done: Tensor

    def __init__(  # noqa: PLR0913  # as flat as torch's own layers
        self,
        in_features: int,
        out_features: int,
        target: int,
        updates: int,
        *,
        every: int = 128,
        stop: float = 0.9,
        pace: DropPace = "linear",
    ) -> None:
        check_counts(in_features=in_features, out_features=out_features)
        super().__init__(in_features, out_features)
        columns = surplus_columns(in_features, out_features, target)
        self.shrinking = Shrinking(columns, updates, every, stop, pace)
        self.register_buffer("live", torch.ones(in_features, dtype=torch.bool))
        self.register_buffer("done", torch.zeros((), dtype=torch.int64))

    def forward(self, input: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features); dropped inputs get no gradient.

        Raises ValueError for another width, which multiplying with `live` could hide.
        """
        if not input.ndim or input.shape[-1] != self.in_features:
            input_rows.check_width(input, self.in_features)
        return super().forward(input * self.live)

    def follow(self, optimizer: torch.optim.Optimizer) -> None:
        """Count the updates of `optimizer`, which trains this layer."""

        def updated(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
            del args, kwargs
            self.after_step(optimizer)

        optimizer.register_step_post_hook(updated)

    @torch.no_grad()
    def after_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Count an update and drop its columns; only for loops that do not use `follow`."""
        self.done += 1
        columns = smallest_columns(self.weight, self.live, self.shrinking.after(int(self.done)))
        self.live[columns] = False
        for tensor in weight_and_state(self.weight, optimizer).values():
            tensor[:, columns] = 0.0
