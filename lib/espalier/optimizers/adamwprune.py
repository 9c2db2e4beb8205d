"""AdamWPrune: Adam-like optimizers that prune by their own state.

`AdamWPrune` is an ordinary torch optimizer for anyone's loop; `AdamWPruneSpec` is the component.
The harness builds it without built-in pruning, and its pruning method drives the same `Pruner`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.contracts import Optimizer
from espalier.kconfig.config_dataclass import kconfig_dataclass, with_defaults
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.guarded import GuardedAdam
from espalier.optimizers.spam import Spam
from espalier.optimizers.stacked import stacked_by
from espalier.optimizers.stacked_guarded import GuardedStack
from espalier.sparse.allocation import Allocation
from espalier.sparse.importance import BY_DEPTH, Importance, state_scores
from espalier.sparse.prunable import prunable
from espalier.sparse.pruner import Pruner
from espalier.sparse.schedule import Curve, Schedule

BaseName = Literal["adam", "adamw", "adamwadv", "adamwspam"]


class Base(NamedTuple):
    """Properties of a base optimizer."""

    decoupled: bool  # weight decay acts on weights, not on gradients
    clips: bool  # the norm of all gradients is limited
    guards: bool  # spikes are guarded against


BASES: dict[BaseName, Base] = {
    "adam": Base(decoupled=False, clips=False, guards=False),
    "adamw": Base(decoupled=True, clips=False, guards=False),
    "adamwadv": Base(decoupled=True, clips=True, guards=False),
    "adamwspam": Base(decoupled=True, clips=True, guards=True),
}


@stacked_by(GuardedStack, when=lambda optimizer: optimizer.pruner is None)
class AdamWPrune(GuardedAdam):
    """An Adam-like optimizer that, with `target_sparsity` above 0, prunes in `step()`.

    `params` is a model, whose linear and convolution weights are prunable, or parameters, of
    which those with 2 or 4 dimensions are (pass the model if it has embeddings). Biases and
    normalisation parameters never decay, unless you pass parameter groups of your own.

    Sparsity grows along `curve` from step `warmup_steps` to `ramp_end_step`, with a mask update
    every `frequency` steps; a pruned weight is exactly 0 after every step. `importance` and
    `allocation` are as in the harness; `clip_norm` acts with the bases adamwadv and adamwspam,
    `spam` with adamwspam. Raises ValueError for settings that make no sense together.
    """

    def __init__(  # noqa: PLR0913  # as flat as torch's own optimizers
        self,
        params: nn.Module | Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = True,
        *,
        base: BaseName = "adamw",
        clip_norm: float = 1.0,
        spam: Spam | None = None,
        target_sparsity: float = 0.0,
        warmup_steps: int = 100,
        ramp_end_step: int = 0,
        frequency: int = 50,
        curve: Curve = "cubic",
        importance: Importance = "bitter0",
        allocation: Allocation = "global",
    ) -> None:
        rule = BASES[_one_of("base", base, BaseName)]
        self.updates = 0
        self.importance: Importance = importance
        params = params if isinstance(params, nn.Module) else list(params)
        super().__init__(
            _groups(params, weight_decay),
            lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            decoupled_weight_decay=rule.decoupled,
            clip_norm=clip_norm if rule.clips else 0.0,
            spam=(spam or with_defaults(Spam)) if rule.guards else None,
        )
        self.pruner: Pruner | None = None
        if target_sparsity != 0:
            _check_allocation(importance, allocation)
            schedule = Schedule(target_sparsity, warmup_steps, ramp_end_step, frequency, curve)
            self.pruner = Pruner(_weights(params, self._parameters()), schedule, allocation)

    @property
    def sparsity(self) -> float:
        """Share of the prunable weights that is pruned, in [0, 1]."""
        return 0.0 if self.pruner is None else self.pruner.masks.sparsity

    @override
    def _before_update(self) -> None:
        if self.pruner is not None:
            self.pruner.before_step()
        super()._before_update()

    @override
    def _after_update(self) -> None:
        self.updates += 1
        if self.pruner is not None:
            self.pruner.after_step(self.updates, self, self._scores)

    def _scores(self) -> Any:
        assert self.pruner is not None
        return state_scores(self.importance, self.pruner.masks.weights, self)

    @override
    def state_dict(self) -> dict[str, Any]:
        """Return torch's state, with the step count and the masks under `pruning`."""
        masks = {} if self.pruner is None else self.pruner.state_dict()
        return {**super().state_dict(), "pruning": {"updates": self.updates, **masks}}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        pruning = dict(state_dict["pruning"])
        self.updates = pruning.pop("updates")
        if self.pruner is not None:
            self.pruner.load_state_dict(pruning)


@kconfig_dataclass
class AdamWPruneSpec(Optimizer):
    """AdamWPrune as the harness builds it: what is pruned is up to the pruning method."""

    base: BaseName
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    amsgrad: bool
    clip_norm: float | None = symbol("ADV_CLIP_NORM")
    spam: Spam | None

    @override
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        return AdamWPrune(
            model,
            lr,
            (self.beta1, self.beta2),
            self.epsilon,
            self.weight_decay,
            self.amsgrad,
            base=self.base,
            clip_norm=self.clip_norm or 0.0,
            spam=self.spam,
        )


def _groups(params: nn.Module | list[Any], weight_decay: float) -> list[Any]:
    if isinstance(params, nn.Module):
        return decay_groups(params.parameters(), weight_decay)
    tensors = all(isinstance(item, Tensor) for item in params)
    return decay_groups(params, weight_decay) if params and tensors else params


def _weights(params: nn.Module | list[Any], parameters: list[Tensor]) -> dict[str, Tensor]:
    if isinstance(params, nn.Module):
        return dict(prunable(params))
    return {f"parameter {i}": p for i, p in enumerate(parameters) if p.ndim in (2, 4)}


def _one_of(name: str, value: Any, kind: Any) -> Any:
    if value not in get_args(kind):
        raise ValueError(f"{name} must be one of {', '.join(get_args(kind))}, but got {value!r}")
    return value


def _check_allocation(importance: Importance, allocation: Allocation) -> None:
    _one_of("importance", importance, Importance)
    _one_of("allocation", allocation, Allocation)
    if importance in BY_DEPTH and allocation != "depth":
        raise ValueError(f"{importance} prunes by depth: pass allocation='depth'")
