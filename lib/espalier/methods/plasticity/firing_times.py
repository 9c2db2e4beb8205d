"""For how long neurons are silent between firings, and from when on that is unusual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

EXPANSION = 2
"""What a threshold is multiplied with that its neuron's silences reach; that of the code."""


@dataclass
class FiringTimes:
    """Of n neurons, on the CPU.

    `age` (n,): updates since the last firing; `silences` (n, longest + 1): how often there was a
    silence of each length since thresholds last adapted; `threshold` (n,), in 1..longest.

    Source: Farias and Jozefiak 2024, arXiv 2410.20098, and its code.
    """

    age: Tensor
    silences: Tensor
    threshold: Tensor

    @classmethod
    def begin(cls, neurons: int, first: int, longest: int) -> Self:
        """Return those of neurons that have not been seen yet."""
        silences = torch.zeros(neurons, longest + 1, dtype=torch.int32)
        threshold = torch.full((neurons,), min(first, longest))
        return cls(torch.zeros(neurons, dtype=torch.int64), silences, threshold)

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Self:
        """Return those of which `state_dict` returned `state`."""
        return cls(**{name: tensor.cpu().clone() for name, tensor in state.items()})

    def state_dict(self) -> dict[str, Tensor]:
        """Return all that `of` needs."""
        return {"age": self.age, "silences": self.silences, "threshold": self.threshold}

    def note(self, fires: Tensor) -> None:
        """Take in which neurons fire in an update, (n,) bool."""
        self._end_silences(fires)
        self.age += ~fires

    def take_overdue(self) -> Tensor:
        """Return which have been silent for as long as their threshold; they begin anew."""
        overdue = self.age >= self.threshold
        self.renew(overdue)
        return overdue

    def just_overdue(self) -> Tensor:
        """Return whose silence reaches the threshold now: once in each silence, (n,) bool."""
        return self.age == self.threshold

    def renew(self, which: Tensor) -> None:
        """Let the silences of `which`, (n,) bool, end here: others are born in their place."""
        self._end_silences(which)

    def adapt(self, percentile: float) -> None:
        """Lower each threshold to the percentile of silences, or double it where that is not below.

        A neuron that was never silent has 1: its first silence is unusual. Counts begin anew.
        """
        counts = self.silences[:, 1:].double().cumsum(1)
        reached = (counts >= percentile * counts[:, -1:]) & (counts[:, -1:] > 0)
        length = reached.int().argmax(1) + 1
        wider = (EXPANSION * self.threshold).clamp(max=self.silences.shape[1] - 1)
        self.threshold = torch.where(length < self.threshold, length, wider)
        self.silences.zero_()

    def _end_silences(self, which: Tensor) -> None:
        """Count the silences of `which` (n,) bool, and let them begin again."""
        places = which.nonzero().flatten()
        lengths = self.age[places].clamp(max=self.silences.shape[1] - 1)
        self.silences[places, lengths] += 1
        self.age[places] = 0
