"""Taking back what was done to a network: shapes, numbers and optimizer, bit for bit."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from espalier.surgery import optimizer_state
from espalier.surgery.restarts.restart_protocol import Restart

_PLAIN = frozenset(vars(nn.Module()))
"""The attributes that every module has."""


class Rollback:
    """A network and what trains it as they are now, to be restored any number of times.

    Whatever happens in between: modules, parameters and buffers may be added, removed, resized
    and trained. Parameters are afterwards the same objects as before, without gradients. Random
    generators are left as they are. It takes as much memory as the network, its optimizer's state
    included.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer | None = None,
        restarts: Restart | None = None,
    ) -> None:
        self.optimizer, self.restarts = optimizer, restarts
        self._modules = [(module, _parts(module)) for module in model.modules()]
        tensors = (*model.parameters(), *model.buffers())
        self._tensors = [(tensor, tensor.detach().clone()) for tensor in tensors]
        self._groups: list[list[Tensor]] = []
        self._state: dict[str, Any] = {}
        self._births: dict[str, Any] = {}
        if optimizer is not None:
            self._groups = [list(group["params"]) for group in optimizer.param_groups]
            self._state = copy.deepcopy(optimizer.state_dict())
        if restarts is not None:
            self._births = restarts.state_dict()

    @torch.no_grad()
    def restore(self) -> None:
        """Make everything what it was."""
        for module, parts in self._modules:
            _put_parts(module, parts)
        for tensor, value in self._tensors:
            optimizer_state.replace_data(tensor, value)
        if self.optimizer is not None:
            self._restore(self.optimizer)
        if self.restarts is not None:
            self.restarts.load_state_dict(self._births)

    def _restore(self, optimizer: torch.optim.Optimizer) -> None:
        del optimizer.param_groups[len(self._groups) :]
        for group, parameters in zip(optimizer.param_groups, self._groups, strict=True):
            group["params"] = list(parameters)
        optimizer.state.clear()  # loading leaves alone what it has nothing for
        optimizer.load_state_dict(copy.deepcopy(self._state))


_Parts = dict[str, Any]


def _parts(module: nn.Module) -> _Parts:
    held = {name: dict(vars(module)[name]) for name in ("_modules", "_parameters", "_buffers")}
    own = {name: copy.copy(v) for name, v in vars(module).items() if name not in _PLAIN}
    return {"held": held, "own": own}


def _put_parts(module: nn.Module, parts: _Parts) -> None:
    for name, items in parts["held"].items():
        vars(module)[name].clear()
        vars(module)[name].update(items)
    for name in set(vars(module)) - _PLAIN:
        del vars(module)[name]
    vars(module).update({name: copy.copy(value) for name, value in parts["own"].items()})
