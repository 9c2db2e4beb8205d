"""Networks and layers that know which of their weights are live."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TypeAlias

from torch import nn

Measures: TypeAlias = Mapping[str, float | str]
"""Scalars of a trial by name: numbers, or words."""


class SelfMeasuring(nn.Module, ABC):
    """A network that measures its own sparsity, whatever method trains it."""

    @property
    @abstractmethod
    def sparsity(self) -> float:
        """The share of its possible edges that are absent, in [0, 1)."""

    @abstractmethod
    def connectivity(self) -> Measures:
        """Return scalars of how the network is connected, for the final result."""


def own_sparsity(model: nn.Module) -> float:
    """Return the sparsity that `model` measures of itself, 0 if it measures none."""
    return model.sparsity if isinstance(model, SelfMeasuring) else 0.0


class PartlyLive(nn.Module, ABC):
    """A layer that stores numbers which it masks."""

    @property
    @abstractmethod
    def masked(self) -> int:
        """The number of stored numbers that are masked, and so are no parameters."""


def count_masked(model: nn.Module) -> int:
    """Count the numbers that the layers of `model` store and mask."""
    return sum(part.masked for part in model.modules() if isinstance(part, PartlyLive))


def count_parameters(model: nn.Module) -> int:
    """Count the parameters of a model, trained or not, without those that its layers mask."""
    return sum(p.numel() for p in model.parameters()) - count_masked(model)
