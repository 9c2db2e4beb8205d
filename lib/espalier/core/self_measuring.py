"""Modules that know which of their own weights are live, and what a trial records of that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TypeAlias

from torch import nn

Measures: TypeAlias = Mapping[str, float | str]
"""Names, and the plain numbers or words that are recorded under them."""


class SelfMeasuring(nn.Module, ABC):
    """A network that knows which of its weights are live, whatever method trains it."""

    @property
    @abstractmethod
    def sparsity(self) -> float:
        """Share of all edges it could have that it is without, in [0, 1)."""

    @abstractmethod
    def connectivity(self) -> Measures:
        """Scalars for the final result: how the network hangs together."""


def own_sparsity(model: nn.Module) -> float:
    """Return the sparsity that `model` has of itself: 0 if it measures none."""
    return model.sparsity if isinstance(model, SelfMeasuring) else 0.0


class PartlyLive(nn.Module, ABC):
    """A layer that stores numbers which it does not use."""

    @property
    @abstractmethod
    def masked(self) -> int:
        """How many stored numbers are no parameters."""


def masked(model: nn.Module) -> int:
    """Return how many numbers the layers of `model` store and do not use."""
    return sum(part.masked for part in model.modules() if isinstance(part, PartlyLive))


def count_parameters(model: nn.Module) -> int:
    """Return how many parameters a model has, trained or not; what its layers mask is none."""
    return sum(p.numel() for p in model.parameters()) - masked(model)
