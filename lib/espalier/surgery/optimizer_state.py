"""Optimizer state of single neurons and synapses: the one place that writes it.

torch's Adam counts steps per tensor. An element whose moments are zeroed late therefore has no
bias correction left: under a constant gradient its updates are 3.2 times too large at once and 6.5
times at the tenth. So a newborn element starts with no momentum and with the second moment that
the survivors have: its updates under gradients of the survivors' size rise as 1 - beta1^k to the
normal size and are never larger.

Source: Sokar et al. 2023, "The Dormant Neuron Phenomenon in Deep Reinforcement Learning",
arXiv:2302.12902, whose code zeroes the moments of what it resets.
Differs: the second moment, for the reason above. Where a newborn's gradients are of another size
than the survivors' (a fresh neuron's in-weights have none at first), see
`espalier.surgery.restarts.per_slice_restart`, which makes them those of a fresh optimizer.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn

from espalier.surgery.restarts import state_shapes
from espalier.surgery.restarts.restart_kinds import is_exact
from espalier.surgery.restarts.state_shapes import Meaning


def moments(optimizer: torch.optim.Optimizer | None, parameter: Tensor) -> dict[str, Tensor]:
    """Return the state tensors with a number for each element of `parameter`, by name."""
    held = state_shapes.tensors(optimizer, parameter)
    return {n: x for _, n, x in held if x.shape == parameter.shape and x.is_floating_point()}


@torch.no_grad()
def reset_slices(
    optimizer: torch.optim.Optimizer | None,
    parameter: Tensor,
    dim: int,
    index: Tensor,
    *,
    zero: bool = False,
) -> None:
    """Let slices `index` along `dim` begin anew, in place; `parameter` holds their weights.

    What is a momentum becomes 0, what is a weight the newborn's own, what is a scale the mean over
    the other slices, without elements that never had a gradient (see
    `espalier.surgery.restarts.state_shapes`). With `zero`, where a `Restart` sees to the rest,
    scales become 0 as well, unless it cannot.
    """
    zero = zero and is_exact(optimizer)
    for _, name, tensor in state_shapes.tensors(optimizer, parameter):
        along = state_shapes.dims(name, tensor, parameter.shape)
        if along is None or dim not in along or not tensor.is_floating_point():
            continue  # marks, and codes of a quantised state, are no numbers
        place = along.index(dim)
        born = partial(_slices_of, tensor, place, index)
        meaning = state_shapes.meaning(name, tensor, parameter, born)
        if meaning is Meaning.WEIGHT:
            tensor.index_copy_(place, index, parameter.detach().index_select(dim, index).to(tensor))
        elif meaning is Meaning.SCALE and not zero:
            usual = _mean_of_others(tensor, place, index)
            tensor.index_copy_(place, index, usual.repeat_interleave(len(index), place))
        else:
            tensor.index_fill_(place, index, 0.0)


@torch.no_grad()
def reset_elements(
    optimizer: torch.optim.Optimizer | None, parameter: Tensor, at: tuple[Tensor, ...]
) -> None:
    """Let single elements begin anew, in place: their momentum and scales become 0.

    `at` has an index (n,) for each dimension. What is a weight becomes the parameter's. A
    `espalier.surgery.restarts.per_slice_restart.restart_of` is needed too; where it cannot correct
    zeros, scales become the mean of those of other elements.
    """
    for name, tensor in moments(optimizer, parameter).items():
        born = partial(_elements_of, tensor, at)
        meaning = state_shapes.meaning(name, tensor, parameter, born)
        if meaning is Meaning.WEIGHT:
            tensor[at] = parameter.detach()[at].to(tensor)
        elif meaning is Meaning.SCALE and not is_exact(optimizer):
            others = tensor[~born() & (tensor > 0)]
            tensor[at] = others.mean() if len(others) else 0.0
        else:
            tensor[at] = 0.0


def _slices_of(tensor: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return a bool tensor that is True at slices `index` along `dim`."""
    return torch.zeros_like(tensor, dtype=torch.bool).index_fill_(dim, index, True)


def _elements_of(tensor: Tensor, at: tuple[Tensor, ...]) -> Tensor:
    """Return a bool tensor that is True at single elements."""
    marks = torch.zeros_like(tensor, dtype=torch.bool)
    marks[at] = True
    return marks


def _mean_of_others(tensor: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the mean along `dim`, which becomes 1, over slices not in `index`, of those > 0."""
    others = tensor.new_ones(tensor.shape[dim])
    others[index] = 0.0
    total = torch.tensordot(tensor, others, dims=([dim], [0]))
    positive = torch.tensordot(tensor.sign(), others, dims=([dim], [0]))
    mean: Tensor = (total / positive.clamp_min(1.0)).unsqueeze(dim)
    return mean


@torch.no_grad()
def rebuild(
    optimizer: torch.optim.Optimizer | None, parameter: nn.Parameter, dim: int, source: Tensor
) -> None:
    """Give `parameter` the slices `source` (n,) of itself along `dim`; -1 stands for zeros.

    Its state follows. It stays the same object, also in the optimizer's groups; its gradient is
    gone. Raises ValueError, before anything changes, if some of its state cannot follow.
    """
    check_resizable(optimizer, [parameter])
    state_shapes.renew(optimizer, parameter)
    for state, name, tensor in state_shapes.tensors(optimizer, parameter):
        along = state_shapes.dims(name, tensor, parameter.shape)
        if along is not None and dim in along:
            state[name] = take_slices(tensor, along.index(dim), source)
    data = take_slices(parameter.detach(), dim, source)
    parameter.grad = None
    put_data(parameter, data)


def check_resizable(optimizer: torch.optim.Optimizer | None, parameters: Iterable[Tensor]) -> None:
    """Raise ValueError if `optimizer` keeps state of `parameters` that cannot change shape."""
    for parameter in parameters:
        if name := state_shapes.follows(optimizer, parameter):
            raise ValueError(
                f"{type(optimizer).__name__}: its state {name!r} of a parameter of shape "
                f"{tuple(parameter.shape)} cannot follow another shape: grow or shrink before its "
                "first step, or train with an optimizer that keeps state by element"
            )


def take_slices(tensor: Tensor, dim: int, source: Tensor) -> Tensor:
    """Return slices `source` of `tensor` along `dim`, where -1 stands for zeros."""
    new = tensor.index_select(dim, source.clamp_min(0))
    return new.index_fill_(dim, (source < 0).nonzero().flatten(), 0.0)


@torch.no_grad()
def replace_data(tensor: Tensor, data: Tensor) -> None:
    """Give a parameter or buffer a copy of `data`, in place if it has the shape; no gradient."""
    tensor.grad = None
    if tensor.shape == data.shape:
        tensor.copy_(data)
    else:
        put_data(tensor, data.clone())


def put_data(parameter: Tensor, data: Tensor) -> None:
    """Replace the tensor behind a parameter, by one of any shape.

    While a loss is still referred to, autograd remembers the old shape; another number format in
    between makes it forget.
    """
    other = torch.float64 if data.dtype != torch.float64 else torch.float32
    parameter.data = torch.empty(0, dtype=other, device=data.device)
    parameter.data = data


@torch.no_grad()
def add_param_like(
    optimizer: torch.optim.Optimizer | None, parameter: nn.Parameter, neighbour: Tensor
) -> None:
    """Let `optimizer` train the new bias or scale `parameter` as it does `neighbour`.

    Without weight decay, in a group of its own.
    """
    if optimizer is None:
        return
    for group in optimizer.param_groups:
        if any(p is neighbour for p in group["params"]):
            settings = {k: v for k, v in group.items() if k != "params"}
            optimizer.add_param_group({**settings, "params": [parameter], "weight_decay": 0.0})
            return


def add_param(
    optimizer: torch.optim.Optimizer | None, parameter: nn.Parameter, like: Tensor
) -> None:
    """Let `optimizer` train the new `parameter` in the group of `like`, with no state yet."""
    for group in [] if optimizer is None else optimizer.param_groups:
        if any(p is like for p in group["params"]):
            group["params"].append(parameter)
            return


def group_places(
    optimizer: torch.optim.Optimizer | None, parameters: Iterable[Tensor]
) -> list[int]:
    """Return the number of the group that each of `parameters` is in; -1 for one in none."""
    groups = [] if optimizer is None else optimizer.param_groups
    places = {id(p): place for place, group in enumerate(groups) for p in group["params"]}
    return [places.get(id(p), -1) for p in parameters]


def replace_params(
    optimizer: torch.optim.Optimizer | None,
    old: Iterable[Tensor],
    new: Iterable[nn.Parameter],
    places: Iterable[int],
) -> None:
    """Let `optimizer` train `new` parameters in place of `old` ones, in the groups at `places`."""
    if optimizer is None:
        return
    for added, place in zip(new, places, strict=True):
        if place >= 0:
            optimizer.param_groups[place]["params"].append(added)
    for parameter in old:
        remove_param(optimizer, parameter)


def remove_param(optimizer: torch.optim.Optimizer | None, parameter: Tensor) -> None:
    """Let `optimizer` forget `parameter`, which is no longer trained."""
    if optimizer is None:
        return
    for group in optimizer.param_groups:
        group["params"][:] = [p for p in group["params"] if p is not parameter]
    optimizer.state.pop(parameter, None)


def sort_params(optimizer: torch.optim.Optimizer | None, parameters: Iterable[Tensor]) -> None:
    """Sort each group in the order of `parameters`, as if the optimizer were built on them now.

    Its state dict then fits an optimizer that is built on a model of the same structure.
    """
    places = {id(p): place for place, p in enumerate(parameters)}
    for group in [] if optimizer is None else optimizer.param_groups:
        group["params"].sort(key=lambda p: places.get(id(p), -1))
