"""What an optimizer's state of a parameter is: its shape, and what it stands for.

A tensor of state has a value for each element of its parameter, for each slice along some of its
dimensions (Adafactor's rows and columns), or it has nothing to do with its shape. What a value
stands for decides how it begins anew:

* a *weight* (an average of weights, a start to go back to) begins as the newborn's own weight;
* a *scale* (a second moment, a sum of squares, a largest gradient) as that of the survivors, where
  no step count of the newborn's own makes up for zeros;
* anything else (a momentum) as 0.

Which it is comes from its name, in the table below; of a name that is not there, from its values:
within half of the parameter's own norm of the parameter it is a weight; never negative, a scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum

import torch
from torch import Tensor

from espalier.sparse.optimizer_parts import contained, parts_of, renewed_state


class Meaning(Enum):
    """What a value of an optimizer's state stands for."""

    WEIGHT = "weight"
    SCALE = "scale"
    MOMENTUM = "momentum"


NAMES = {
    # torch's
    "exp_avg": Meaning.MOMENTUM,
    "exp_avg_sq": Meaning.SCALE,
    "max_exp_avg_sq": Meaning.SCALE,
    "exp_inf": Meaning.SCALE,
    "sum": Meaning.SCALE,
    "square_avg": Meaning.SCALE,
    "acc_delta": Meaning.SCALE,
    "grad_avg": Meaning.MOMENTUM,
    "momentum_buffer": Meaning.MOMENTUM,
    "prev": Meaning.MOMENTUM,
    "step_size": Meaning.SCALE,
    "ax": Meaning.WEIGHT,
    "row_var": Meaning.SCALE,
    "col_var": Meaning.SCALE,
    "variance": Meaning.SCALE,
    # of others
    "z": Meaning.WEIGHT,
    "p0": Meaning.WEIGHT,
    "slow_params": Meaning.WEIGHT,
    "slow_buffer": Meaning.WEIGHT,
    "lookahead_params": Meaning.WEIGHT,
    "backup_params": Meaning.WEIGHT,
    "exp_avg_sq_row": Meaning.SCALE,
    "exp_avg_sq_col": Meaning.SCALE,
}
NEAR = 0.5  # of the parameter's norm


def tensors(
    optimizer: torch.optim.Optimizer | None, parameter: Tensor
) -> Iterator[tuple[dict[str, object], str, Tensor]]:
    """Yield the tensors of state of `parameter`, with the dictionary that holds each and its name.

    Those of optimizers that `optimizer` wraps too, but for state that begins anew by itself.
    """
    for part in () if optimizer is None else parts_of(optimizer):
        state, renewed = part.state.get(parameter, {}), renewed_state(part)
        for name, value in list(state.items()):
            if torch.is_tensor(value) and name not in renewed:
                yield state, name, value


def renew(optimizer: torch.optim.Optimizer | None, parameter: Tensor) -> None:
    """Drop the state of `parameter` that begins anew by itself: its shape changes."""
    for part in () if optimizer is None else parts_of(optimizer):
        for name in renewed_state(part):
            part.state.get(parameter, {}).pop(name, None)


def dims(name: str, tensor: Tensor, shape: torch.Size) -> tuple[int | None, ...] | None:
    """Return, for each dimension of `tensor`, the one of a parameter of `shape` that it is along.

    None for a dimension of size 1, which stands for all; None altogether for a tensor that has no
    slices of the parameter's.
    """
    if tensor.shape == shape:
        return tuple(range(len(shape)))
    if tensor.ndim == len(shape):
        sizes = zip(tensor.shape, shape, strict=True)
        if tensor.numel() > 1 and all(size in (1, whole) for size, whole in sizes):
            return tuple(d if size > 1 else None for d, size in enumerate(tensor.shape))
    if len(shape) > 1 and tensor.ndim == len(shape) - 1:
        *front, rows, columns = range(len(shape))
        order = [columns, rows] if "col" in name else [rows, columns]
        for last in order:
            if tensor.shape == tuple(shape[d] for d in (*front, last)):
                return (*front, last)
    return None


def follows(optimizer: torch.optim.Optimizer | None, parameter: Tensor) -> str:
    """Return what of the state of `parameter` cannot change its shape with it; empty if all can."""
    for part in () if optimizer is None else parts_of(optimizer):
        renewed = renewed_state(part)
        for name, value in part.state.get(parameter, {}).items():
            sliced = torch.is_tensor(value) and dims(name, value, parameter.shape) is not None
            if not (name in renewed or sliced or _is_shapeless(value)):
                return str(name)
    return ""


def _is_shapeless(value: object) -> bool:
    """Return whether a value is the same for a parameter of any shape.

    An object of a class of the optimizer's own, such as a projection, is not if it holds tensors.
    """
    fields = getattr(value, "__dict__", {})
    tensors = [*contained("", value), *contained("", fields)]
    return all(tensor.numel() <= 1 for _, tensor in tensors)


def meaning(name: str, tensor: Tensor, parameter: Tensor, born: Callable[[], Tensor]) -> Meaning:
    """Return what `tensor` stands for; `born()` is True in its shape for newborns."""
    return NAMES.get(name) or _guess(tensor, parameter, ~born())


def _guess(tensor: Tensor, parameter: Tensor, old: Tensor) -> Meaning:
    """Return what the values of `tensor` at the `old` elements are most like."""
    if tensor.shape == parameter.shape:
        weights = parameter.detach()[old]
        if bool((tensor[old] - weights).norm() < NEAR * weights.norm()):
            return Meaning.WEIGHT
    values = tensor[old]
    if tensor.is_floating_point() and bool((values >= 0).all()) and bool((values > 0).any()):
        return Meaning.SCALE
    return Meaning.MOMENTUM
