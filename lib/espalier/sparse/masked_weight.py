"""A masked weight: the step at which each live element was born, and zeros elsewhere.

Three classes mask weights: `MaskSet` (pruning: many weights in a row, zeroed, no births),
`Edges` (live edges of an ordinary model: a `MaskSet` with births) and `MaskedLinear` (a layer that
multiplies by its mask).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import torch
from torch import Tensor

from espalier.sparse.optimizer_parts import tensors_of

ABSENT = -1
"""The birth step of an element that is not live."""

At: TypeAlias = Tensor | tuple[Tensor, ...]
"""Elements of a tensor: bool of its shape, or an index (n,) int64 for each of its dimensions."""


class MaskedWeight:
    """A `weight` of which only those elements are live that have a birth step.

    `births`, int32 in the weight's shape, has the step at which an element was last born, `ABSENT`
    where there is none.
    """

    weight: Tensor
    births: Tensor

    @property
    def live_mask(self) -> Tensor:
        """Mask of live elements, bool in the weight's shape."""
        return self.births >= 0

    def begin(self, live: Tensor) -> None:
        """Let exactly the elements `live` (bool) exist, born at step 0."""
        self.births.copy_(torch.where(live, 0, ABSENT))

    def add(self, at: At, step: int) -> None:
        """Let elements be born after update `step`, or born again."""
        self.births[at] = step

    def remove(self, at: At) -> None:
        """Remove elements."""
        self.births[at] = ABSENT

    def count_live(self, at: At) -> int:
        """Return how many of the elements `at` are live."""
        return int(torch.count_nonzero(self.births[at] >= 0))


def find_births(layers: Iterable[MaskedWeight], weight: Tensor) -> Tensor | None:
    """Return the births of a `weight` that is one of the layers'; None of any other."""
    return next((layer.births for layer in layers if layer.weight is weight), None)


def weight_and_state(weight: Tensor, optimizer: torch.optim.Optimizer | None) -> dict[str, Tensor]:
    """Return the weight itself and every tensor of its shape in the optimizer's state, by name.

    Of two with one name, in an optimizer and in one that it wraps, the second has a number too.
    """
    tensors = {"weight": weight.detach()}
    for name, x in tensors_of(optimizer, weight):
        if x.shape == weight.shape and tensors.get(name) is not x:
            tensors[name if name not in tensors else f"{name} {len(tensors)}"] = x
    return tensors


def find_leaks(
    weight: Tensor, live: Tensor, optimizer: torch.optim.Optimizer | None
) -> dict[str, int]:
    """Return how many elements of a weight and its state are not 0 though they are not `live`.

    By name, tensors without such elements left out.
    """
    tensors = weight_and_state(weight, optimizer)
    counts = {k: int(torch.count_nonzero(x.masked_fill(live, 0))) for k, x in tensors.items()}
    return {name: count for name, count in counts.items() if count}
