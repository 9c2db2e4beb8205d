"""The neurons of one layer: who they are, how fit and how old, and what was last seen of them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from espalier.apoptosis.fitness_ema import FitnessEma
from espalier.apoptosis.activation_hooks import Observation
from espalier.surgery.law import Law
from espalier.surgery.site import Site

ROUNDING = 1e-9  # a rate of 0.1 of 30 neurons is 3, whatever floating point makes of it


@dataclass
class LayerPopulation:
    """One layer's neurons under a strategy; its rate of turnover is multiplied with `share`.

    `claimed` (size,) marks neurons that are on their way out already.
    """

    site: Site
    ageing: FitnessEma
    law: Law
    share: float = 1.0
    owed: float = 0.0  # parts of neurons that the rate has asked for and not yet got
    born: int = 0
    died: int = 0
    aged: int = 0  # the step up to which ages are counted
    seen: Observation | None = None
    claimed: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.bool))

    @property
    def name(self) -> str:
        """The producer's, as in `model.named_modules()`."""
        return self.site.pair.name

    @property
    def size(self) -> int:
        """How many neurons there are now."""
        return self.site.pair.size

    @property
    def sight(self) -> Observation:
        """What was seen for the event that is going on. Raises ValueError between events."""
        if self.seen is None:
            raise ValueError(f"{self.name}: is only seen during an event")
        return self.seen

    def quota(self, rate: float) -> int:
        """How many neurons are due at `rate`; what is left over counts next time."""
        wanted = rate * self.share * self.size + self.owed
        count = math.floor(wanted + ROUNDING)
        self.owed = max(0.0, wanted - count)
        return min(count, self.size - 1)

    def come_to(self, step: int) -> None:
        """Let time go by until `step`."""
        self.ageing.step(step - self.aged)
        self.aged = step

    def others(self, slots: Tensor) -> Tensor:
        """The slots (size - n,) that are neither among `slots` (n,) nor claimed."""
        free = torch.ones(self.size, dtype=torch.bool, device=slots.device)
        free[slots] = False
        if len(self.claimed):
            free &= ~self.claimed
        return free.nonzero().flatten()

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs."""
        counts = {"owed": self.owed, "born": self.born, "died": self.died, "aged": self.aged}
        return {
            "counts": counts,
            "ageing": self.ageing.state_dict(),
            "claimed": self.claimed.clone(),
            "law": asdict(self.law),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        for name, value in state["counts"].items():
            setattr(self, name, value)
        self.ageing.load_state_dict(state["ageing"])
        self.claimed = state["claimed"].clone()
        self.law = Law(**state["law"])  # of the weights as they began, which nobody knows by now
