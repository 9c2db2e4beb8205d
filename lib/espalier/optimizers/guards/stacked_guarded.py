"""Guarded Adams of K runs at once: gradient limits and spike guards, per run on or off."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from espalier.optimizers.guards.spam import DAMPING, FEWEST, WINDOW
from espalier.optimizers.norms import SMALL
from espalier.optimizers.stacked_adam import AdamStack


class GuardedStack(AdamStack):
    """Guarded Adams: steps are counted on the host, norms are measured on the device.

    `clip_norm` and the guards' settings are what they are when stacked.
    """

    def row(self, optimizer: Any) -> dict[str, float]:
        """Return hyperparameters; a limit 0, a threshold inf are none; the last 3 change."""
        settings = None if optimizer.guard is None else optimizer.guard.settings
        theta = settings.theta if settings and settings.enable_clip else None
        limits = {"clip_norm": optimizer.clip_norm, "theta": theta or 0.0}
        return {
            **super().row(optimizer),
            **limits,
            "threshold": math.inf,
            "remembered": 0,
            "slot": 0,
        }

    @override
    def begin(self) -> None:
        super().begin()
        self._guards = [(k, o.guard) for k, o in enumerate(self.optimizers) if o.guard is not None]
        self._limits = bool(self.column("clip_norm").any())
        self._clips = bool(self.column("theta").any())
        self._slots = torch.arange(WINDOW, device=self.layout.device)
        self.norms = torch.zeros(self.layout.runs, WINDOW, device=self.layout.device)
        self.norms = self.norms.to(self.layout.dtype)
        for k, guard in self._guards:
            if guard.norms is not None:
                self.norms[k].copy_(guard.norms)
            guard.norms = self.norms[k]

    @torch.no_grad()
    def count(self) -> None:
        """Reset run by run: resets are rare, and so clear whatever a row holds."""
        lr, threshold = self.column("lr"), self.column("threshold")
        remembered, slot = self.column("remembered"), self.column("slot")
        for k, guard in self._guards:
            if guard.reset_due():
                self._reset(k)
            remembered[k], slot[k] = guard.remembered, guard.slot
            threshold[k] = (
                guard.settings.spike_threshold if guard.remembered >= FEWEST else math.inf
            )
            guard.steps += 1
            lr[k] *= guard.rate()
        for optimizer in self.optimizers:
            optimizer.after_update()

    def _reset(self, k: int) -> None:
        torch._foreach_zero_([self.mean[k], self.square[k], self.steps[k]])
        if self.largest is not None:
            self.largest[k].zero_()

    def guard(self, grads: Tensor) -> None:
        """Guard each run's gradients, and leave them as they were used, as a single run does."""
        if self._guards:
            self._damp(torch.linalg.vector_norm(grads, dim=1, keepdim=True))
        if self._clips:
            self._clip(grads)
        if self._limits:
            norms = torch.linalg.vector_norm(grads, dim=1, keepdim=True)
            factor = (self.of("clip_norm") / (norms + SMALL)).clamp_(max=1.0)
            grads.mul_(torch.where(self.of("clip_norm") > 0, factor, 1.0))
        if self._clips or self._limits:
            self.layout.put_grads(grads)

    def _damp(self, norm: Tensor) -> None:
        """Damp moments where `norm` (K, 1), of a run's gradients together, is a spike."""
        count = self.of("remembered")
        remembered = self._slots < count
        mean = torch.where(remembered, self.norms, 0).sum(1, keepdim=True) / count
        off = torch.where(remembered, self.norms - mean, 0)
        std = (off.square_().sum(1, keepdim=True) / (count - 1)).sqrt_()
        spike = norm > mean + self.of("threshold") * std
        self.mean.mul_(torch.where(spike, DAMPING["exp_avg"], 1.0))
        self.square.mul_(torch.where(spike, DAMPING["exp_avg_sq"], 1.0))
        torch.where(self._slots == self.of("slot"), norm, self.norms, out=self.norms)

    def _clip(self, grads: Tensor) -> None:
        limits = torch.mul(self.square, self.of("theta")).sqrt_()
        limits = torch.where(limits > 0, limits, torch.inf)
        torch.clamp(grads, -limits, limits, out=grads)
