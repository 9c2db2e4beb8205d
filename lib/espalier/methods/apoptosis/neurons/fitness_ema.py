"""Running averages of the fitness of neurons, their ages, and which are mature."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class FitnessEma:
    """Running averages of fitness and ages, one of each for every neuron of a pair.

    `decay` is that of the running average, in [0, 1): 0 keeps the last value only. A neuron
    younger than `maturity` steps is not selected.
    """

    def __init__(self, neurons: int, decay: float, maturity: int, device: torch.device) -> None:
        """All neurons are newborn and have no fitness yet."""
        self.decay, self.maturity = decay, maturity
        self.age = torch.zeros(neurons, dtype=torch.int64, device=device)  # steps
        self._sum = torch.zeros(neurons, device=device)
        self._weight = torch.zeros(neurons, device=device)

    def step(self, steps: int = 1) -> None:
        """Add `steps` to all ages."""
        self.age += steps

    def update(self, fitness: Tensor) -> None:
        """Take `fitness` (neurons,) into the average."""
        self._sum.mul_(self.decay).add_(fitness, alpha=1 - self.decay)
        self._weight.mul_(self.decay).add_(1 - self.decay)

    @property
    def fitness(self) -> Tensor:
        """(neurons,): the average since birth, corrected for its start at 0."""
        return self._sum / self._weight.clamp(min=torch.finfo(self._weight.dtype).tiny)

    def weakest(self, count: int) -> Tensor:
        """Return the indices of up to `count` mature neurons with the lowest fitness, in order."""
        mature = self.mature
        ranked = torch.where(mature, self.fitness, torch.inf).argsort(stable=True)
        return ranked[: min(count, int(mature.sum()))]

    @property
    def mature(self) -> Tensor:
        """(neurons,): which neurons are old enough to be selected."""
        return self.age >= self.maturity

    def grow(self, extra: int) -> None:
        """Add `extra` newborn neurons behind the last."""
        self.age = torch.cat([self.age, self.age.new_zeros(extra)])
        self._sum = torch.cat([self._sum, self._sum.new_zeros(extra)])
        self._weight = torch.cat([self._weight, self._weight.new_zeros(extra)])

    def reset(self, slots: Tensor) -> None:
        """Make the neurons at these indices newborn."""
        for tensor in (self.age, self._sum, self._weight):
            tensor[slots] = 0

    def state_dict(self) -> dict[str, Any]:
        """Return ages and averages as plain data."""
        return {"age": self.age.clone(), "sum": self._sum.clone(), "weight": self._weight.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.age = state["age"].clone()
        self._sum, self._weight = state["sum"].clone(), state["weight"].clone()
