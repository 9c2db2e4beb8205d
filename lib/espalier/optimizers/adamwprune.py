"""AdamWPrune: Adam-like optimizers that prune by their own state.

`AdamWPrune` is an ordinary torch optimizer for anyone's loop; `AdamWPruneSpec` is the component.
The harness builds it without built-in pruning, and its pruning method drives the same `Pruner`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.arguments import check_choice, check_count, check_number, check_share
from espalier.core.component import symbol
from espalier.core.contracts import Optimizer
from espalier.kconfig.config_dataclass import kconfig_dataclass, with_defaults
from espalier.optimizers.groups import (
    adopt_groups,
    check_adam,
    given_order,
    groups_of,
    named_parameters,
    parameters_in,
    refuse_complex,
)
from espalier.optimizers.guards.guarded import GuardedAdam
from espalier.optimizers.guards.spam import Spam
from espalier.optimizers.guards.stacked_guarded import GuardedStack
from espalier.optimizers.stacked import stacked_by
from espalier.sparse.allocation import Allocation
from espalier.sparse.importance import Importance, check_allocation, state_scores
from espalier.sparse.mask import MaskSet
from espalier.sparse.masked_arrivals import MaskedArrivals
from espalier.sparse.outside_writes import OutsideWrites
from espalier.sparse.prunable import Coverage, Layers, cover
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


@stacked_by(GuardedStack, when=lambda optimizer: optimizer.masks is None)
class AdamWPrune(GuardedAdam):
    """An Adam-like optimizer that, with `target_sparsity` above 0, prunes in `step()`.

    `params` is a model, whose linear and convolution weights are prunable, or parameters, with or
    without names, of which those with 2 or 4 dimensions are (pass the model if it has embeddings).
    Biases and normalisation parameters never decay, unless you pass parameter groups of your own.

    Sparsity grows along `curve` from step `warmup_steps` to `ramp_end_step`, with a mask update
    every `frequency` steps; a pruned weight is exactly 0 after every step, also where somebody has
    written to it (see `sparse.outside_writes` for the one exception). Gradients of pruned weights
    are masked as they arrive. `importance`, the `power` of its family and `allocation` are as in
    the harness; `clip_norm` acts with the bases adamwadv and adamwspam, `spam` with adamwspam.
    `layers` are names in the model, `*` standing for anything, of what alone is pruned; without
    them there is a warning if under 90 % of the weights in matrices can be.

    Raises ValueError or TypeError for settings that make no sense by themselves or together, for
    complex parameters and where there is nothing to prune.
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
        power: float = 0.25,
        allocation: Allocation = "global",
        layers: Layers = None,
    ) -> None:
        check_choice("base", base, get_args(BaseName))
        rule = BASES[base]
        check_number("clip_norm", clip_norm)
        if not 0 <= clip_norm < math.inf:
            raise ValueError(f"clip_norm={clip_norm:g}: must be at least 0, which is no limit")
        self.updates = 0
        check_number("power", power)
        self.importance: Importance = importance
        self.power = power
        _check_kinds(lr, betas, spam)
        params = parameters_in(params)
        super().__init__(
            groups_of(params, weight_decay),
            lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            decoupled_weight_decay=rule.decoupled,
            clip_norm=clip_norm if rule.clips else 0.0,
            spam=(spam or with_defaults(Spam)) if rule.guards else None,
        )
        refuse_complex(self.param_groups)
        self._order = given_order(params, self._parameters())
        self.pruner: Pruner | None = None
        self._held: MaskSet | None = None  # masks that were loaded though there is no target
        if target_sparsity != 0:
            check_share("target_sparsity", target_sparsity)
            _check_choices(importance, allocation)
            schedule = _schedule(target_sparsity, warmup_steps, ramp_end_step, frequency, curve)
            weights = _weights(params, self.param_groups, target_sparsity, layers)
            self.pruner = Pruner(weights, schedule, allocation)
        self._listen()

    @property
    def masks(self) -> MaskSet | None:
        """The masks; None without a target, unless a state that has masks was loaded."""
        return self._held if self.pruner is None else self.pruner.masks

    @property
    def sparsity(self) -> float:
        """Share of the prunable weights that is pruned, in [0, 1]."""
        return 0.0 if self.masks is None else self.masks.sparsity

    def _listen(self) -> None:
        masks = self.masks
        self._arrivals = None if masks is None else MaskedArrivals(masks)
        self._writes = None if masks is None else OutsideWrites(masks)

    @override
    def before_update(self) -> None:
        """Mask the gradients, then guard and limit them."""
        if self.masks is not None:
            self.masks.mask_gradients()  # those that did not arrive by a backward pass
        super().before_update()

    @override
    def after_update(self) -> None:
        """Undo writes to pruned weights, and prune if it is time."""
        self.updates += 1
        if self._writes is not None:
            self._writes.undo()
        if self.pruner is not None and self.pruner.schedule.is_update(self.updates):
            self.pruner.after_step(self.updates, self, self._scores)
            assert self._writes is not None
            self._writes.note()

    def _scores(self) -> Any:
        assert self.pruner is not None
        return state_scores(self.importance, self.pruner.masks.weights, self, self.power)

    @override
    def state_dict(self) -> dict[str, Any]:
        """Return torch's state, with the step count and the masks under `pruning`.

        `parameters` there are the places of the masked weights in the groups, one after another.
        """
        pruning: dict[str, Any] = {"updates": self.updates}
        masks = self.masks
        if masks is not None and masks.mask is not None:
            places = {id(p): place for place, p in enumerate(self._parameters())}
            pruning["mask"] = masks.mask.clone()
            pruning["parameters"] = [places[id(weight)] for weight in masks.weights]
        return {**super().state_dict(), "pruning": pruning}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned, or a torch Adam's state, with which pruning begins.

        Masks hold from then on, also in an optimizer that has no target of its own. Raises
        ValueError for masks of other weights and for what is no Adam's state.
        """
        check_adam(state_dict)
        pruning = state_dict.get("pruning", {"updates": 0})
        if "pruning" not in state_dict:
            state_dict = adopt_groups(state_dict, self.param_groups, self._order)
        weights = self._masked_weights(pruning)
        super().load_state_dict(state_dict)
        self.updates = pruning["updates"]
        if self.masks is None and weights:
            self._held = MaskSet(weights)
        if self.masks is not None:
            self._set_mask(self.masks, pruning.get("mask"))
        self._listen()

    def _masked_weights(self, pruning: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the weights that a saved mask is of, by name; none if there is no mask."""
        if "mask" not in pruning:
            return {}
        named = named_parameters(self.param_groups)
        if "parameters" in pruning:
            weights = dict(named[place] for place in pruning["parameters"] if place < len(named))
        else:  # as saved by earlier versions
            weights = {name: p for name, p in named if p.ndim in (2, 4)}
        own = self.masks
        masked = own.weights if own is not None else list(weights.values())
        if len(pruning["mask"]) != sum(weight.numel() for weight in masked):
            raise ValueError(
                f"state_dict: its masks are of {len(pruning['mask'])} weights, and here "
                f"{sum(weight.numel() for weight in masked)} can be pruned"
            )
        return weights

    def _set_mask(self, masks: MaskSet, mask: Tensor | None) -> None:
        masks.clear()
        if mask is not None:
            masks.restore(mask.clone())
            masks.enforce(self)

    @override
    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {k: x for k, x in state.items() if k not in ("_arrivals", "_writes")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Listen to the weights of the copy, to which hooks do not come along."""
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._listen()


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


def _check_kinds(lr: Any, betas: Any, spam: Any) -> None:
    """Raise TypeError for settings of another kind, of which torch says no name."""
    if not isinstance(lr, Tensor):
        check_number("lr", lr)
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise TypeError(f"betas={betas!r}: must be two numbers, such as (0.9, 0.999)")
    if not (spam is None or isinstance(spam, Spam)):
        raise TypeError(f"spam={spam!r}: must be a Spam of espalier.optimizers.guards.spam")


def _weights(
    params: nn.Module | list[Any], groups: list[dict[str, Any]], target: float, layers: Layers
) -> dict[str, Tensor]:
    """Return the weights to prune, by name. Raises ValueError if there are none."""
    if isinstance(params, nn.Module):
        return cover(params, layers).require("AdamWPrune").weights
    if layers is not None:
        raise ValueError(
            "layers: pass the model, not its parameters, to choose layers of it by name"
        )
    matrices = {n: p for n, p in named_parameters(groups) if sum(size > 1 for size in p.shape) > 1}
    weights = {name: p for name, p in named_parameters(groups) if p.ndim in (2, 4)}
    if not weights:
        raise ValueError(
            f"target_sparsity={target:g}: no linear or convolution weight is trained, and so there "
            "is nothing to prune: pass the model, or leave target_sparsity out"
        )
    left_out = {n: f"{p.ndim} dimensions" for n, p in matrices.items() if n not in weights}
    total = sum(p.numel() for p in (matrices | weights).values())
    share = sum(p.numel() for p in weights.values()) / total
    return Coverage(weights, left_out, share=share).require("AdamWPrune").weights


def _schedule(
    target: float, warmup_steps: int, ramp_end_step: int, frequency: int, curve: Curve
) -> Schedule:
    check_count("warmup_steps", warmup_steps, 0)
    check_count("ramp_end_step", ramp_end_step, 0)
    check_count("frequency", frequency, 1)
    if warmup_steps >= ramp_end_step:
        raise ValueError(
            f"warmup_steps={warmup_steps}: must be below ramp_end_step={ramp_end_step}, at which "
            "the target is reached"
        )
    check_choice("curve", curve, get_args(Curve))
    return Schedule(target, warmup_steps, ramp_end_step, frequency, curve)


def _check_choices(importance: Importance, allocation: Allocation) -> None:
    check_choice("importance", importance, get_args(Importance))
    layers = [item for item in get_args(Allocation) if item != "per_unit"]  # no orientations here
    check_choice("allocation", allocation, layers)
    check_allocation(importance, allocation)
