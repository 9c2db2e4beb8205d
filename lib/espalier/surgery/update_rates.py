"""The learning rates of an optimizer's last update, by parameter, as surgery needs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias, runtime_checkable
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

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


class PlainRates:
    """Those of torch's own optimizers: a group's `lr` as it is."""

    def __init__(self) -> None:
        self.rate_multipliers: Mapping[Tensor, Rate] = {}

    def effective_lr(self, lr: Rate) -> Rate:
        """Return `lr`."""
        return lr


_PLAIN: WeakKeyDictionary[torch.optim.Optimizer, PlainRates] = WeakKeyDictionary()


def rates_of(optimizer: torch.optim.Optimizer) -> UpdateRates:
    """Return the rates of `optimizer`, the same object each time.

    Raises TypeError for an optimizer that neither exposes them nor is torch's own.
    """
    if isinstance(optimizer, UpdateRates):
        return optimizer
    kind = type(optimizer)
    if not kind.__module__.startswith("torch.optim."):
        raise TypeError(
            f"{kind.__name__}: surgery must know at what rate it updates: give it "
            "`rate_multipliers` and `effective_lr`, see `espalier.surgery.update_rates`"
        )
    return _PLAIN.setdefault(optimizer, PlainRates())
