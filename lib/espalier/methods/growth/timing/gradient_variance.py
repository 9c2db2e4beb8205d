"""A trigger that fires when the gradient has become noisier: a test of windows of steps.

It takes the logarithm of the gradient's norm, so that the loss's scale does not count, and the
differences from one step to the next of its innovations, so that neither a smooth decay nor noise
that lasts several steps counts. It compares their ranks in the last window with those in the
windows before, so that the shape of the noise does not count either.

Source: Wilcoxon 1945, "Individual comparisons by ranking methods", on absolute differences.
Differs: the variance of the sum of ranks is corrected for the correlation of neighbours. An earlier
trigger compared two variances of ten norms each, in both directions: it fired on 43 of 100 windows
of stationary noise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats: TypeAlias = NDArray[np.float64]

SMALLEST = 1e-30
"""The least norm: a gradient of 0 has no logarithm."""


def gradient_norm(parameters: Iterable[Tensor]) -> float:
    """Return the Euclidean norm of all gradients there are; mask them first."""
    grads = [p.grad for p in parameters if p.grad is not None]
    return float(torch.nn.utils.get_total_norm(grads))


def noise_z_score(windows: Floats) -> float:
    """Return by how many standard errors the last of `windows` is noisier than those before.

    `windows` (windows, steps) are logarithms of norms, in order, at least two windows of at least
    eight steps. About standard normal where nothing changed; 0 for numbers that never differ.
    """
    steps = np.diff(_innovations(windows), axis=1)
    steps = np.abs(steps - steps.mean(axis=1, keepdims=True))  # of a slope nothing is left
    ranks = _ranks(steps)
    ranks -= ranks.mean()
    spread = float((ranks * ranks).mean()) * _inflation(ranks)
    recent, before = steps.shape[1], steps.size - steps.shape[1]
    error = np.sqrt(spread * before / (recent * (recent + before)))
    return float(ranks[-1].mean() / error) if error > 0 else 0.0


def _innovations(windows: Floats) -> Floats:
    """Return each step less the part predicted from the one before: (windows, steps - 1)."""
    around = _without_line(windows)
    power = float((around[:, :-1] ** 2).sum())
    memory = float((around[:, 1:] * around[:, :-1]).sum()) / power if power > 0 else 0.0
    return windows[:, 1:] - max(0.0, memory) * windows[:, :-1]


def _without_line(windows: Floats) -> Floats:
    """Subtract from each window the straight line that fits it best."""
    time = np.arange(windows.shape[1]) - (windows.shape[1] - 1) / 2
    level = windows - windows.mean(axis=1, keepdims=True)
    slope = level @ time / (time @ time)
    result: Floats = level - slope[:, None] * time
    return result


def _ranks(values: Floats) -> Floats:
    """Return the rank of each value among all, ties in the middle of theirs."""
    row = np.sort(values, axis=None)
    mask_indices = np.searchsorted(row, values, "left") + np.searchsorted(row, values, "right")
    result: Floats = mask_indices / 2
    return result


def _inflation(ranks: Floats) -> float:
    """Return the factor of a mean rank's variance by correlation of neighbours, 1 or more."""
    own = ranks - ranks.mean(axis=1, keepdims=True)
    power = float((own * own).sum())
    together = float((own[:, 1:] * own[:, :-1]).sum())
    return max(1.0, 1 + 2 * together / power) if power > 0 else 1.0


@dataclass
class VarianceTrigger:
    """A trigger that tests, at the end of each window of steps, for a noisier gradient.

    `window`: steps in a window (50 or more: with fewer the false-alarm rate is not what it says).
    `reference`: windows before the last, which that one is compared with. `alarms`: the share of
    windows of stationary noise that may fire. One test a window, at its end; so nothing fires in
    the first `reference` windows, nor as long after `restart`.
    """

    window: int = 64
    reference: int = 4
    alarms: float = 0.005
    history: list[float] = field(default_factory=list)  # logarithms of norms
    last: float | None = None  # the last test's z-score

    def __post_init__(self) -> None:
        if self.window < 50 or self.reference < 1 or not 0 < self.alarms < 1:
            raise ValueError(
                f"window {self.window}, reference {self.reference}, alarms {self.alarms}: "
                "a window has 50 steps or more, a reference 1 window or more, and alarms is a "
                "share between 0 and 1"
            )

    @property
    def threshold(self) -> float:
        """Standard errors above which a window fires."""
        return NormalDist().inv_cdf(1 - self.alarms)

    def after_step(self, norm: float) -> bool:
        """Take in the gradient's norm of a step; return whether it ends a window that fires.

        Raises ValueError for a norm that is not a number.
        """
        if not np.isfinite(norm):
            raise ValueError(f"the gradient's norm is {norm}: the run has diverged")
        self.history.append(float(np.log(max(norm, SMALLEST))))
        if len(self.history) % self.window:
            return False
        return self._test()

    def _test(self) -> bool:
        needed = (self.reference + 1) * self.window
        if len(self.history) < needed:
            return False
        self.history = self.history[-needed:]
        self.last = noise_z_score(np.array(self.history).reshape(-1, self.window))
        return self.last > self.threshold

    def restart(self) -> None:
        """Forget the past: to be called when the network has changed shape."""
        self.history, self.last = [], None

    def state_dict(self) -> dict[str, Any]:
        """Return plain data for `load_state_dict`."""
        return {"history": list(self.history), "last": self.last}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.history, self.last = list(saved["history"]), saved["last"]
