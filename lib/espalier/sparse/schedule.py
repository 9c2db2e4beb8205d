"""The sparsity schedule: the steps at which masks change, and the sparsity then, as pure functions.

`Schedule` is pruning's. Methods that replace or add weights have events of their own, evenly
spread or ever farther apart; what they share is the last step that one may follow.

Source: Zhu and Gupta 2017, To prune, or not to prune, arXiv 1710.01878, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Curve = Literal["cubic", "late_cubic", "linear"]

CURVES: dict[Curve, Callable[[float], float]] = {  # share of the ramp done -> share of the target
    "cubic": lambda t: 1 - (1 - t) ** 3,
    "late_cubic": lambda t: t**3,
    "linear": lambda t: t,
}


def last_event(stop: float, total: int) -> int:
    """Return the last of `total` updates that an event may follow if events end at a share `stop`.

    Never the last of all, since nothing could be learned from it.
    """
    return min(total - 1, math.floor(round(stop * total, 6)))


def count_events(every: int, stop: float, total: int) -> int:
    """Return how many events there are every `every` of `total` updates, up to a share `stop`."""
    return max(0, last_event(stop, total)) // every


class SparsitySchedule(Protocol):
    """When masks change, and the sparsity then. Steps are updates; 0 is before the first."""

    @property
    def target(self) -> float:
        """The sparsity that the last change reaches, in [0, 1)."""
        ...

    @property
    def ramp_end(self) -> int:
        """The step of the last change."""
        ...

    def is_update(self, step: int) -> bool:
        """Return whether masks change after update `step`."""
        ...

    def sparsity(self, step: int) -> float:
        """Return the sparsity in [0, target] of a mask update after `step`."""
        ...


@dataclass(frozen=True)
class PrunedRounds:
    """Weights go after the updates `steps`, ascending, each time the same share of those that live.

    A single step is one-shot pruning, and (0,) is pruning before the first update.

    Source: Frankle and Carbin 2019, The Lottery Ticket Hypothesis, arXiv 1803.03635, section 1.
    Differs: there a rate is chosen, such as 20 % a round; here it follows from the target.
    """

    target: float
    steps: tuple[int, ...]

    @property
    def ramp_end(self) -> int:
        """The step of the last change."""
        return self.steps[-1]

    def is_update(self, step: int) -> bool:
        """Return whether masks change after update `step`."""
        return step in self.steps

    def sparsity(self, step: int) -> float:
        """Return the sparsity in [0, target] of a mask update after `step`."""
        done = sum(end <= step for end in self.steps)
        return exponential_sparsity(0.0, self.target, done, len(self.steps))


def exponential_sparsity(start: float, target: float, done: int, rounds: int) -> float:
    """Return the sparsity after `done` of `rounds` that lead from `start` to `target`.

    Each round leaves the same share of what is live. Both are in [0, 1).
    Source: Tanaka et al. 2020, arXiv 2006.05467, algorithm 1, whose density is rho^(k / n).
    """
    if done == rounds:
        return target
    left = (1 - target) / (1 - start)
    return 1 - (1 - start) * math.pow(left, done / rounds)


@dataclass(frozen=True)
class Schedule:
    """A ramp from 0 at step `warmup` to `target` at step `ramp_end`, held from there on.

    Steps are optimizer updates; step 1 is after the first. Masks change every `frequency` steps
    counted from `warmup`, and at `ramp_end` whether or not that fits.

    Raises ValueError unless 0 <= target < 1, 0 <= warmup < ramp_end and frequency >= 1.
    """

    target: float
    warmup: int
    ramp_end: int
    frequency: int
    curve: Curve = "cubic"

    def __post_init__(self) -> None:
        if not 0 <= self.target < 1:
            raise ValueError(f"0 <= target < 1 must hold, but target={self.target}")
        if not 0 <= self.warmup < self.ramp_end:
            raise ValueError(
                f"0 <= warmup < ramp_end must hold, but {self.warmup=}, {self.ramp_end=}"
            )
        if self.frequency < 1:
            raise ValueError(f"frequency >= 1 must hold, but frequency={self.frequency}")

    def is_update(self, step: int) -> bool:
        """Return whether masks change after update `step`."""
        if not self.warmup < step <= self.ramp_end:
            return False
        return step == self.ramp_end or (step - self.warmup) % self.frequency == 0

    def sparsity(self, step: int) -> float:
        """Return the sparsity in [0, target] of a mask update after `step`."""
        share = (step - self.warmup) / (self.ramp_end - self.warmup)
        return self.target * CURVES[self.curve](min(1.0, max(0.0, share)))
