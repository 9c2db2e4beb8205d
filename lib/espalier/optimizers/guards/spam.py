"""Guards of an Adam-like optimizer against gradient spikes.

Source: Huang et al. 2025, SPAM: Spike-Aware Adam with Momentum Reset for Stable LLM Training,
arXiv 2501.06842: clipping of single elements, periodic reset of the moments, warm-up after it.
Differs: the damping on a spike of the gradient's norm is from the earlier AdamWPrune code; a
reset also restarts bias correction, and elements without a second moment are not clipped (the
bound would be 0 and hold them there).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.norms import total_norm

WINDOW = 100  # gradient norms remembered, in steps
FEWEST = 10  # norms needed before one can be called a spike
DAMPING = {"exp_avg": 0.5, "exp_avg_sq": 0.9}  # what a spike leaves of the moments
MOMENTS = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "step")  # what a reset clears


@kconfig_dataclass
class Spam:
    """Settings; those of a guard that is switched off do not matter."""

    enable_clip: bool = symbol("SPAM_ENABLE_CLIP")
    theta: float | None = symbol("SPAM_THETA")
    spike_threshold: float = symbol("SPAM_SPIKE_THRESHOLD")
    periodic_reset: bool = symbol("SPAM_PERIODIC_RESET")
    interval: int | None = symbol("SPAM_INTERVAL")
    warmup: bool | None = symbol("SPAM_WARMUP")
    warmup_steps: int | None = symbol("SPAM_WARMUP_STEPS")


class SpamGuard:
    """The guards at work on one optimizer: call `before_step`, then scale its rate by `rate`."""

    def __init__(self, settings: Spam) -> None:
        self.settings = settings
        self.steps = 0  # calls of before_step
        self.norms: Tensor | None = None  # (WINDOW,) ring of gradient norms

    @property
    def remembered(self) -> int:
        """Number of norms remembered."""
        return min(self.steps, WINDOW)

    @property
    def slot(self) -> int:
        """Index in the ring of the next norm."""
        return self.steps % WINDOW

    def before_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Damp, reset and clip, on the device and without waiting for it."""
        parameters = [p for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        states = [optimizer.state[p] for p in parameters if optimizer.state[p]]
        self._damp([p.grad for p in parameters if p.grad is not None], states)
        if self.reset_due():
            _reset(states)
        elif self.settings.enable_clip and self.settings.theta is not None:
            _clip([p for p in parameters if optimizer.state[p]], states, self.settings.theta)
        self.steps += 1

    def rate(self) -> float:
        """Return the factor of the learning rate at the step that `before_step` prepared."""
        length, interval = self.settings.warmup_steps, self.settings.interval
        last = self.steps - 1
        if not (self._resets() and self.settings.warmup and length and interval):
            return 1.0
        since = last % interval
        if last < interval or since >= length:
            return 1.0
        return 0.5 * (1 - math.cos(math.pi * (since + 1) / (length + 1)))

    def _resets(self) -> bool:
        return self.settings.periodic_reset and bool(self.settings.interval)

    def reset_due(self) -> bool:
        """Return whether the moments start afresh at the coming step."""
        return self._resets() and self.steps > 0 and self.steps % (self.settings.interval or 1) == 0

    def _damp(self, grads: list[Tensor], states: list[dict[str, Tensor]]) -> None:
        if not grads:
            return
        norm = total_norm(grads)
        if self.norms is None:
            self.norms = norm.new_zeros(WINDOW)
        remembered = self.norms[: self.remembered]
        if len(remembered) >= FEWEST:
            std, mean = torch.std_mean(remembered)
            spike = norm > mean + self.settings.spike_threshold * std
            for name, kept in DAMPING.items():
                factor = torch.where(spike, kept, 1.0)
                torch._foreach_mul_([state[name] for state in states], factor)
        self.norms[self.slot] = norm

    def state_dict(self) -> dict[str, Any]:
        """Return step count and norms."""
        return {"steps": self.steps, "norms": _copied(self.norms)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.steps, self.norms = state["steps"], _copied(state["norms"])


def _copied(norms: Tensor | None) -> Tensor | None:
    return None if norms is None else norms.clone()


def _reset(states: list[dict[str, Tensor]]) -> None:
    held = [state[name] for state in states for name in MOMENTS if name in state]
    if held:
        torch._foreach_zero_(held)


def _clip(parameters: list[Tensor], states: list[dict[str, Tensor]], theta: float) -> None:
    """Limit each gradient element to sqrt(theta * v), where v is above 0."""
    if not parameters:
        return
    grads = [p.grad for p in parameters if p.grad is not None]
    limits = torch._foreach_mul([state["exp_avg_sq"] for state in states], theta)
    torch._foreach_sqrt_(limits)
    infinite = torch._foreach_sign(limits)  # no multi-tensor call fills by condition:
    torch._foreach_log_(infinite)  # a limit above 0 loses log 1, which is 0, and 0 becomes
    torch._foreach_sub_(limits, infinite)  # infinite by losing log 0
    torch._foreach_minimum_(grads, limits)
    torch._foreach_neg_(limits)
    torch._foreach_maximum_(grads, limits)
