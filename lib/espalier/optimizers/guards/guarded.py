"""Adam with work before and after its update: gradient limits, spike guards, pruning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from typing_extensions import override

from espalier.optimizers.groups import refuse_sparse
from espalier.optimizers.guards.spam import Spam, SpamGuard
from espalier.optimizers.guards.stacked_guarded import GuardedStack
from espalier.optimizers.lean import LeanAdam
from espalier.optimizers.norms import limit_norm
from espalier.optimizers.stacked import stacked_by
from espalier.surgery.restarts.update_rates import Rate


@stacked_by(GuardedStack)
class GuardedAdam(LeanAdam):
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
        super().__init__(params, lr, **options)
        self._step_supports_amp_scaling = False  # what runs before the update needs true gradients
        self.clip_norm = clip_norm
        self.guard = None if spam is None else SpamGuard(spam)

    @override
    def before_update(self) -> None:
        """Guard the gradients, then limit their norm."""
        if not self.state:
            refuse_sparse(self.param_groups)
        if self.guard is not None:
            self.guard.before_step(self)
        if self.clip_norm > 0:
            limit_norm(self._parameters(), self.clip_norm)

    @override
    def effective_lr(self, lr: Rate) -> Rate:
        return lr if self.guard is None else lr * self.guard.rate()

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    @override
    def state_dict(self) -> dict[str, Any]:
        """Return torch's state, with the guard's under `guard`."""
        guard = {} if self.guard is None else {"guard": self.guard.state_dict()}
        return {**super().state_dict(), **guard}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        if self.guard is not None:
            fresh = SpamGuard(self.guard.settings).state_dict()  # another optimizer's has none
            self.guard.load_state_dict(state_dict.get("guard", fresh))
