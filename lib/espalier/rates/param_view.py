"""One parameter at one update: all that a multiplier may depend on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor

from espalier.core.birth_record import GrowthEvent

Factor: TypeAlias = float | Tensor
"""One multiplier of a whole parameter, or one an element, float64 and of its shape."""


@dataclass(frozen=True)
class Moment:
    """An update: `step` others are done. `growths` are the events so far, in order."""

    step: int
    steps_per_epoch: int = 1
    total_steps: int = 1
    growths: Sequence[GrowthEvent] = ()

    @property
    def progress(self) -> float:
        """The share of the run that is done, in [0, 1)."""
        return self.step / self.total_steps

    @cached_property
    def steps(self) -> Tensor:
        """When there were events, (events,) int64."""
        return torch.tensor([growth.step for growth in self.growths], dtype=torch.int64)


@dataclass(eq=False)
class ParamView:
    """A parameter of layer `depth` (0 is nearest to the input) of `layers`, at a moment.

    `places` has the depth of each module by name. `births` is of the parameter's shape, see
    `BirthRecord.birth_steps`; None: all was there from the start. `decay` is its weight decay.
    """

    depth: int
    layers: int
    moment: Moment
    weight: Tensor
    gradient: Tensor | None = None
    births: Tensor | None = None
    decay: float = 0.0
    places: dict[str, int] | None = None

    @cached_property
    def born(self) -> Tensor:
        """The births, int64, the weight's shape or (): what died counts as old."""
        if self.births is None:
            return torch.zeros((), dtype=torch.int64, device=self.weight.device)
        return self.births.long().clamp_min(0)

    @cached_property
    def age(self) -> Tensor:
        """Updates that each element has seen since its birth, int64."""
        return self.moment.step - self.born

    @cached_property
    def grown(self) -> Tensor:
        """Whether each element was born after the start."""
        return self.born > 0

    @cached_property
    def seen(self) -> Tensor:
        """Number of events each element saw before this one: for `outlived`."""
        return torch.searchsorted(self.moment.steps.to(self.born.device), self.born, right=True)

    @cached_property
    def phases(self) -> Tensor:
        """Number of events each element has outlived, int64; its own birth is none of them."""
        return len(self.moment.growths) - self.seen

    def outlived(self, factors: Sequence[float]) -> Tensor:
        """Return for each element the product of `factors`, one an event it outlived."""
        products = torch.ones(len(factors) + 1, dtype=torch.float64)
        for i in range(len(factors) - 1, -1, -1):
            products[i] = products[i + 1] * factors[i]
        return products.to(self.weight.device)[self.seen]

    @cached_property
    def live(self) -> Tensor:
        """Which elements are live, bool: those not dead, or without births those not 0."""
        return self.weight != 0 if self.births is None else self.births >= 0


@dataclass(frozen=True)
class Strategy(ABC):
    """A multiplier as a pure function of a part; its fields are Kconfig symbols."""

    grows: ClassVar[bool] = False  # whether it says anything only of networks that grow
    steady: ClassVar[bool] = False  # whether it says the same from one growth event to the next

    @abstractmethod
    def factor(self, part: ParamView) -> Factor:
        """Return the multiplier of a parameter's update, 0 or more."""

    def frozen(self, depth: int, layers: int, moment: Moment) -> bool:
        """Return whether a layer, its running statistics too, must not change in an update."""
        return False
