"""The learning rates of an optimizer's last update, by parameter, as surgery needs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from espalier.surgery.restarts.fresh_optimizer import settings_of

Rate: TypeAlias = float | Tensor


@runtime_checkable
class UpdateRates(Protocol):
    """An optimizer that exposes its rates.

    `rate_multipliers` are those of the last update, whole or an element, by parameter; one that is
    not there had none and counts as 1. `espalier.rates` replaces them at each update.
    """

    rate_multipliers: Mapping[Tensor, Rate]

    def effective_lr(self, lr: Rate) -> Rate:
        """Return the rate of the last update, for the `lr` of a parameter's group."""
        ...

    def last_settings(self, group: dict[str, Any]) -> Mapping[str, Any]:
        """Return the settings of a group as they were at the last update."""
        ...


class StepSettings:
    """The settings of an optimizer's groups at its last step.

    A schedule may change a group before those who ask for them: `scheduler.step()` often follows
    `optimizer.step()` at once.
    """

    def __init__(self) -> None:
        self._groups: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def keep(self, groups: list[dict[str, Any]]) -> None:
        """Keep the settings of `groups` as they are now, at a step."""
        self._groups = [(group, settings_of(group)) for group in groups]

    def forget(self) -> None:
        """Let groups themselves be what counts: they change between steps alone."""
        self._groups = []

    def of(self, group: dict[str, Any]) -> Mapping[str, Any]:
        """Return what was kept of a group; the group as it is if nothing was."""
        return next((kept for each, kept in self._groups if each is group), group)


class PlainRates:
    """Those of an optimizer that says nothing of them: a group's `lr` as it is at each step."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.rate_multipliers: Mapping[Tensor, Rate] = {}
        self._settings = settings = StepSettings()
        optimizer.register_step_pre_hook(lambda stepping, *_: settings.keep(stepping.param_groups))

    def effective_lr(self, lr: Rate) -> Rate:
        """Return `lr`."""
        return lr

    def last_settings(self, group: dict[str, Any]) -> Mapping[str, Any]:
        """Return the settings of a group as they were at the last update."""
        return self._settings.of(group)


_PLAIN: WeakKeyDictionary[torch.optim.Optimizer, PlainRates] = WeakKeyDictionary()


def rates_of(optimizer: torch.optim.Optimizer) -> UpdateRates:
    """Return the rates of `optimizer`, the same object each time."""
    if isinstance(optimizer, UpdateRates):
        return optimizer
    if optimizer not in _PLAIN:
        _PLAIN[optimizer] = PlainRates(optimizer)
    return _PLAIN[optimizer]
