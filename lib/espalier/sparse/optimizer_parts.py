"""What an optimizer holds: others that it wraps, and tensors of state within containers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor


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
    `exp_avg`, `momenta.0`.
    """
    for part in () if optimizer is None else parts_of(optimizer):
        for name, value in part.state.get(parameter, {}).items():
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
