"""Which optimizers a newborn neuron or synapse can start under as under a fresh one, and how.

One table, by class. A class that is not in it is tried out once, see
`espalier.surgery.restarts.fresh_optimizer`: if it treats every element by itself, its newborns get
a fresh optimizer of their own; else they begin without momentum and with the survivors' second
moments.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from enum import Enum
from typing import Protocol, runtime_checkable
from weakref import WeakKeyDictionary

import torch

from espalier.surgery.restarts import fresh_optimizer
from espalier.surgery.restarts.update_rates import UpdateRates


class RestartKind(Enum):
    """How newborns start."""

    COUNTED = "a step count for each newborn, in closed form"
    RESET = "momentum of 0, which is all that a fresh optimizer has"
    SHADOWED = "a fresh optimizer of the same class for the newborns alone"
    GENERIC = "no momentum, the survivors' second moments, and no step count of their own"


@runtime_checkable
class DeclaresRestart(Protocol):
    """An optimizer that says itself how newborns start under it."""

    restart_kind: RestartKind
    coupling: str  # why an element's update is not its own alone; empty if it is


_TORCH: Mapping[type[torch.optim.Optimizer], RestartKind] = {
    torch.optim.AdamW: RestartKind.COUNTED,
    torch.optim.Adam: RestartKind.COUNTED,
    torch.optim.SGD: RestartKind.RESET,
    torch.optim.NAdam: RestartKind.SHADOWED,
    torch.optim.RAdam: RestartKind.SHADOWED,
    torch.optim.Adamax: RestartKind.SHADOWED,
    torch.optim.Adadelta: RestartKind.SHADOWED,
    torch.optim.Adagrad: RestartKind.SHADOWED,
    torch.optim.RMSprop: RestartKind.SHADOWED,
    torch.optim.ASGD: RestartKind.SHADOWED,
    torch.optim.Rprop: RestartKind.SHADOWED,
    torch.optim.Adafactor: RestartKind.GENERIC,
    torch.optim.Muon: RestartKind.GENERIC,
}
_REASONS: Mapping[type[torch.optim.Optimizer], str] = {
    torch.optim.Adafactor: "its second moments are of whole rows and columns",
    torch.optim.Muon: "it orthogonalises whole matrices",
}
_REFUSED: Mapping[type[torch.optim.Optimizer], str] = {
    torch.optim.LBFGS: "its history is of all parameters at once, so no neuron can begin anew in "
    "it: use a first-order optimizer",
    torch.optim.SparseAdam: "it updates the rows of sparse gradients only, so its step count is "
    "not that of a neuron: use torch.optim.Adam with dense gradients",
}

_KINDS: WeakKeyDictionary[torch.optim.Optimizer, RestartKind] = WeakKeyDictionary()


def kind_of(optimizer: torch.optim.Optimizer) -> RestartKind:
    """Return how newborns start under `optimizer`; the first call may try its class out.

    Raises ValueError for one under which nothing can begin anew. Warns once of one under which
    newborns start in the generic way only.
    """
    if optimizer not in _KINDS:
        _KINDS[optimizer] = _find_kind(optimizer)
    return _KINDS[optimizer]


def is_exact(optimizer: torch.optim.Optimizer | None) -> bool:
    """Return whether newborns get what a fresh optimizer would do."""
    return optimizer is None or kind_of(optimizer) is not RestartKind.GENERIC


def _find_kind(optimizer: torch.optim.Optimizer) -> RestartKind:
    for refused, reason in _REFUSED.items():
        if isinstance(optimizer, refused):
            raise ValueError(f"{type(optimizer).__name__}: {reason}")
    if isinstance(optimizer, DeclaresRestart):
        if optimizer.coupling:
            _warn(optimizer, optimizer.coupling, optimizer.restart_kind)
        return optimizer.restart_kind
    base = next((kind for kind in _TORCH if isinstance(optimizer, kind)), None)
    if base is not None and _has_own_update(optimizer, base):
        base = None
    kind = _of_class(optimizer, base)
    if kind is RestartKind.GENERIC:
        reason = fresh_optimizer.traits_of(optimizer).coupling if base is None else _REASONS[base]
        _warn(optimizer, reason, kind)
    return kind


def _of_class(
    optimizer: torch.optim.Optimizer, base: type[torch.optim.Optimizer] | None
) -> RestartKind:
    if base is None:
        traits = fresh_optimizer.traits_of(optimizer)
        if traits.container:
            raise ValueError(
                f"{type(optimizer).__name__}: its state {traits.container!r} has tensors in a list "
                "or a mapping, in which no neuron can begin anew: use an optimizer that keeps each "
                "by itself, such as AdamW"
            )
        return RestartKind.GENERIC if traits.coupling else RestartKind.SHADOWED
    if base is torch.optim.SGD and any(
        g["momentum"] and g["dampening"] for g in _groups(optimizer)
    ):
        return RestartKind.SHADOWED  # the first momentum is the gradient, undampened
    return _TORCH[base]


def _groups(optimizer: torch.optim.Optimizer) -> list[dict[str, object]]:
    return optimizer.param_groups


def _has_own_update(optimizer: torch.optim.Optimizer, base: type[torch.optim.Optimizer]) -> bool:
    """Return whether a subclass may update otherwise than `base`; one that tells its rates not."""
    return type(optimizer).step is not base.step and not isinstance(optimizer, UpdateRates)


def _warn(optimizer: torch.optim.Optimizer, reason: str, kind: RestartKind) -> None:
    start = "no momentum and the survivors' second moments"
    if kind is not RestartKind.GENERIC:
        start = "the state of a fresh optimizer"
    warnings.warn(
        f"{type(optimizer).__name__}: {reason}; newborns begin with {start}, and train not exactly "
        "as under a fresh optimizer (docs/newborns.md)",
        stacklevel=5,
    )
