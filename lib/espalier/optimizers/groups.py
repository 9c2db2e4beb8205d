"""Parameter groups: which parameters weight decay touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from torch import Tensor, nn

PARTS = frozenset(("state", "param_groups"))
"""What a state dict of torch's optimizers has."""


def decay_groups(parameters: Iterable[Tensor], weight_decay: float) -> list[dict[str, Any]]:
    """Return the trainable parameters in two groups, or one if the other is empty.

    Weights (two dimensions and more) decay; biases and normalisation parameters never do.
    """
    trainable = [p for p in parameters if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def parameters_in(params: Any) -> nn.Module | list[Any]:
    """Return a model as it is, and parameters as a list.

    Raises TypeError for anything else, and ValueError for what has nothing to train.
    """
    if not isinstance(params, nn.Module) and (
        isinstance(params, str) or not isinstance(params, Iterable)
    ):
        raise TypeError(f"params: must be a model or parameters, not {type(params).__name__}")
    listed = params if isinstance(params, nn.Module) else list(params)
    held = listed.parameters() if isinstance(listed, nn.Module) else listed
    tensors = (item[1] if isinstance(item, tuple) else item for item in held)
    if not any(getattr(tensor, "requires_grad", True) for tensor in tensors):
        raise ValueError("params: nothing in it is trained: there are none, or all are frozen")
    return listed


def groups_of(params: nn.Module | list[Any], weight_decay: float) -> list[Any]:
    """Return the parameter groups of what a user passes: a model, parameters, or groups as given.

    Parameters may come with their names, as `model.named_parameters()` has them.
    """
    if isinstance(params, nn.Module):
        return decay_groups(params.parameters(), weight_decay)
    if params and all(isinstance(item, Tensor) for item in params):
        return decay_groups(params, weight_decay)
    if not (params and all(isinstance(item, tuple) for item in params)):
        return params
    names = {id(parameter): name for name, parameter in params}
    groups = decay_groups([parameter for _, parameter in params], weight_decay)
    for group in groups:
        group["params"] = [(names[id(p)], p) for p in group["params"]]
    return groups


def named_parameters(groups: Iterable[dict[str, Any]]) -> list[tuple[str, Tensor]]:
    """Return the parameters of an optimizer's groups with the names it was given, or places."""
    named: list[tuple[str, Tensor]] = []
    for group in groups:
        given = group.get("param_names") or []
        for i, parameter in enumerate(group["params"]):
            named.append((given[i] if given else f"parameter {len(named)}", parameter))
    return named


def refuse_sparse(groups: Iterable[dict[str, Any]]) -> None:
    """Raise RuntimeError, with the parameter's name, for a gradient in a sparse format."""
    for name, parameter in named_parameters(groups):
        if parameter.grad is not None and parameter.grad.is_sparse:
            raise RuntimeError(
                f"{name}: has a gradient in a sparse format, which this optimizer does not take: "
                "build its embedding with sparse=False"
            )


def refuse_complex(groups: Iterable[dict[str, Any]]) -> None:
    """Raise ValueError, with the parameter's name, for a complex one."""
    for name, parameter in named_parameters(groups):
        if parameter.is_complex():
            raise ValueError(
                f"{name}: is complex, which this optimizer does not take: keep its real and "
                "imaginary parts as two real parameters"
            )


def check_adam(state_dict: Any) -> None:
    """Raise ValueError for what is not the state of some Adam."""
    if not (isinstance(state_dict, Mapping) and PARTS.issubset(state_dict)):
        raise ValueError("state_dict: is not one of an optimizer")
    for place, held in state_dict["state"].items():
        missing = [name for name in ("step", "exp_avg", "exp_avg_sq") if name not in held]
        if held and missing:
            names = " and no ".join(missing)
            raise ValueError(f"state_dict: is of no Adam: its parameter {place} has no {names}")


def adopt_groups(
    state_dict: dict[str, Any], groups: Sequence[dict[str, Any]], order: Sequence[int]
) -> dict[str, Any]:
    """Return another Adam's state as one of `groups`, for `load_state_dict`.

    One group of all parameters is divided as `groups` are; `order` has the place in it of each
    parameter of theirs. Settings that it lacks are those of `groups`, and the kernel is the fused.
    """
    saved, state = list(state_dict["param_groups"]), state_dict["state"]
    if len(saved) == 1 < len(groups) and len(saved[0]["params"]) == len(order):
        keys = saved[0]["params"]
        state = {k: state[keys[place]] for k, place in enumerate(order) if keys[place] in state}
        settings = {k: x for k, x in saved[0].items() if k not in ("params", "param_names")}
        ends = list(accumulate(len(group["params"]) for group in groups))
        saved = [
            {**settings, "params": list(range(end - len(group["params"]), end))}
            | ({} if group["weight_decay"] else {"weight_decay": 0.0})
            for end, group in zip(ends, groups, strict=True)
        ]
    own = [
        {k: x for k, x in group.items() if k not in ("params", "param_names")} for group in groups
    ]
    if len(own) == len(saved):
        saved = [{**a, **b, "fused": True} for a, b in zip(own, saved, strict=True)]
    return {**state_dict, "param_groups": saved, "state": state}


def given_order(params: nn.Module | Sequence[Any], parameters: Sequence[Tensor]) -> list[int]:
    """Return the place of each of an optimizer's `parameters` in what the user passed."""
    items = list(params.parameters()) if isinstance(params, nn.Module) else params
    flat = [item[1] if isinstance(item, tuple) else item for item in items]
    places = {id(item): place for place, item in enumerate(flat)}
    return [places.get(id(parameter), place) for place, parameter in enumerate(parameters)]
