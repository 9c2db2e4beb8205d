"""What an optimizer holds: others that it wraps, tensors of state, and what they say of a weight.

An optimizer of ours whose state is not one running mean an element under torch's names says what it
is through the protocols here. Any other is read by torch's names.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor

Moment: TypeAlias = Literal["first", "second"]
"""The running mean of a weight's gradients, or that of their squares."""

NAMES: Mapping[str, Moment] = {
    "exp_avg": "first",
    "momentum_buffer": "first",
    "exp_avg_sq": "second",
}
"""What torch calls them. A momentum is a sum and no mean, which ranks the weights alike."""


@dataclass(frozen=True)
class StateReading:
    """What state says of each element of a weight, in its shape and basis, not bias-corrected.

    None stands for what the optimizer does not keep.
    """

    first: Tensor | None = None
    second: Tensor | None = None


@runtime_checkable
class ReadableState(Protocol):
    """An optimizer that says what its state means for each element of a weight."""

    readable: frozenset[Moment]

    def read_state(self, weight: Tensor) -> StateReading:
        """Return the moments of a `weight` that has state; those in `readable` are there."""
        ...


@runtime_checkable
class WholeState(Protocol):
    """An optimizer with state of whole weights: none of its elements is that of one element.

    `whole_state` has its names, though such a tensor may have its weight's shape: moments of a
    rotated weight. It is left alone where a weight is masked.
    """

    whole_state: frozenset[str]


@runtime_checkable
class RenewedState(Protocol):
    """An optimizer with state that begins anew, by itself, where it is gone.

    `renewed_state` has its names. It is dropped where a weight changes its shape, and no slice of
    it is that of a neuron.
    """

    renewed_state: frozenset[str]


@runtime_checkable
class MovedState(Protocol):
    """An optimizer whose state holds other places of a weight, which move where it is moved."""

    def move_state(self, weight: Tensor, change: Tensor) -> None:
        """Add a `change`, in the shape of `weight`, to its other places."""
        ...


def whole_state(optimizer: torch.optim.Optimizer) -> frozenset[str]:
    """Return the names of state that no element of a weight has a part in."""
    return optimizer.whole_state if isinstance(optimizer, WholeState) else frozenset()


def renewed_state(optimizer: torch.optim.Optimizer) -> frozenset[str]:
    """Return the names of state that is dropped where a weight changes its shape."""
    return optimizer.renewed_state if isinstance(optimizer, RenewedState) else frozenset()


def read_state(optimizer: torch.optim.Optimizer, weight: Tensor) -> StateReading | None:
    """Return what an optimizer, or one that it wraps, says of `weight`; None if nothing yet."""
    for part in parts_of(optimizer):
        if state := part.state.get(weight):
            if isinstance(part, ReadableState):
                return part.read_state(weight)
            held = {NAMES[name]: x for name, x in state.items() if name in NAMES}
            if held:
                return StateReading(**held)
    return None


def move(optimizer: torch.optim.Optimizer, weight: Tensor, change: Tensor) -> None:
    """Add a `change` to a weight, and to all places of it in an optimizer or one that it wraps."""
    weight.add_(change)
    for part in parts_of(optimizer):
        if isinstance(part, MovedState):
            part.move_state(weight, change)


def readable(optimizer: torch.optim.Optimizer, names: Iterable[str]) -> frozenset[Moment]:
    """Return which moments an optimizer keeps whose state has these `names`."""
    if isinstance(optimizer, ReadableState):
        return optimizer.readable
    return frozenset(NAMES[name] for name in names if name in NAMES)


def parts_of(optimizer: torch.optim.Optimizer) -> Iterator[torch.optim.Optimizer]:
    """Yield an optimizer and those that it wraps."""
    yield optimizer
    for value in vars(optimizer).values():
        if isinstance(value, torch.optim.Optimizer):
            yield from parts_of(value)


def tensors_of(
    optimizer: torch.optim.Optimizer | None, parameter: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors that `optimizer` keeps for `parameter`, with the name of each.

    Those of optimizers that it wraps too, and those in lists and mappings, under names of both:
    `exp_avg`, `momenta.0`. State of the whole parameter (see `WholeState`) is left out.
    """
    for part in () if optimizer is None else parts_of(optimizer):
        whole = whole_state(part)
        for name, value in part.state.get(parameter, {}).items():
            if name not in whole:
                yield from contained(str(name), value)


def contained(name: str, value: object) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in a value of state, which may be one itself."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from contained(f"{name}.{key}", inner)
    elif isinstance(value, list | tuple | deque):
        for place, inner in enumerate(value):
            yield from contained(f"{name}.{place}", inner)
