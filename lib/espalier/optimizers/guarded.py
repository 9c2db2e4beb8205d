"""Adam with work before and after its update: gradient limits, spike guards, pruning."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from espalier.optimizers.spam import Spam, SpamGuard

# The update without the hooks that torch wraps around `step` once an Adam exists: they belong to
# the outer step alone, or a user's hooks would run twice.
_STEP: Any = torch.optim.Adam.step
_UPDATE = _STEP.__wrapped__ if hasattr(_STEP, "hooked") else _STEP


class GuardedAdam(torch.optim.Adam):
    """torch's Adam or AdamW (`decoupled_weight_decay`), fused.

    `clip_norm` limits the L2 norm of all gradients together (0: no limit); `spam` switches the
    spike guards on, which see gradients before that limit. `options` are Adam's own.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        *,
        clip_norm: float = 0.0,
        spam: Spam | None = None,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, fused=True, **options)
        self._step_supports_amp_scaling = False  # what runs before the update needs true gradients
        self.clip_norm = clip_norm
        self.guard = None if spam is None else SpamGuard(spam)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update; returns the closure's loss, if there is a closure."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._before_update()
        self._update()
        self._after_update()
        return loss

    def _before_update(self) -> None:
        """Gradients are there; change them as need be."""
        if self.guard is not None:
            self.guard.before_step(self)
        if self.clip_norm > 0:
            torch.nn.utils.clip_grad_norm_(self._parameters(), self.clip_norm)

    def _after_update(self) -> None:
        """Parameters and state are new."""

    def _update(self) -> None:
        """Adam's update at the guard's learning rate; the groups' own rates stay as they are."""
        rates = [group["lr"] for group in self.param_groups]
        factor = 1.0 if self.guard is None else self.guard.rate()
        for group in self.param_groups:
            group["lr"] = group["lr"] if factor == 1.0 else group["lr"] * factor
        try:
            _UPDATE(self)
        finally:
            for group, rate in zip(self.param_groups, rates, strict=True):
                group["lr"] = rate

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def state_dict(self) -> dict[str, Any]:
        """torch's, and the guard's state under `guard`."""
        guard = {} if self.guard is None else {"guard": self.guard.state_dict()}
        return {**super().state_dict(), **guard}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        super().load_state_dict(state_dict)
        if self.guard is not None:
            self.guard.load_state_dict(state_dict["guard"])
