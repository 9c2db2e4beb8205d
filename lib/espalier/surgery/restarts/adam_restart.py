"""Adam with a step count for each neuron: newborns train exactly as under a fresh Adam.

Moments that begin at 0 are the moments a fresh Adam would have; only the bias correction, for
which torch counts steps per tensor, is wrong. After each update this takes the difference between
what torch did to newborn weights and what a fresh Adam does, and applies it, until the two agree.

Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1; the code of Dohare et al. 2024 has an
Adam with a step count for each weight to the same end.
Differs: any Adam of torch's, with its state as it is, corrected after its step.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from espalier.surgery import optimizer_state
from espalier.surgery.restarts.update_rates import rates_of

ROUNDED = 1e-16  # a bias that is none
LONGEST = 2**20  # steps that a table of biases has at most
AGREED = 1e-3  # how much of the second moment's bias is left when correcting ends


@dataclass
class _Births:
    """Of one parameter: at which step each slice along a dimension was last born, 0 if never."""

    by_dim: dict[int, Tensor] = field(default_factory=dict)
    young: dict[int, Tensor] = field(default_factory=dict)  # slices that need correcting
    last: Tensor | None = None  # the step of the last correction


@dataclass
class _Elements:
    """Of one parameter: at which step each element was last born, 0 if never."""

    born: Tensor
    last: Tensor  # the step of the last correction


class AdamRestart:
    """Step counts and corrections of newborn slices, for all parameters of one Adam.

    Call `after_step` after each update of the optimizer: it goes by the settings of that update. It
    costs a few operations on the newborns' weights each step, for 7,000 steps at torch's default
    betas.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer, self._rates = optimizer, rates_of(optimizer)
        self._births: dict[Tensor, _Births] = {}
        self._elements: dict[Tensor, _Elements] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_rates"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._rates = rates_of(self.optimizer)

    @torch.no_grad()
    def note(self, parameter: Tensor, dim: int, index: Tensor) -> None:
        """Record that slices `index` along `dim` are born now, with all moments 0."""
        now = self._now(parameter)
        if now is None:
            return
        births = self._births.setdefault(parameter, _Births())
        births.last = now.clone()
        born = births.by_dim.setdefault(dim, now.new_zeros(parameter.shape[dim]))
        born[index] = now
        group = self._group(parameter)
        horizon = math.log(AGREED) / math.log(group["betas"][1])
        for each, steps in births.by_dim.items():
            young = (steps > 0) & (now - steps < horizon)
            births.young[each] = young.nonzero().flatten()

    @torch.no_grad()
    def note_elements(self, parameter: Tensor, at: tuple[Tensor, ...]) -> None:
        """Record that single elements are born now; `at` has an index for each dimension.

        Of a parameter that no slices are noted of. Every element of it is looked at in each step.
        """
        now = self._now(parameter)
        if now is None:
            return
        assert parameter not in self._births, "slices and single elements of one parameter"
        born = torch.zeros_like(parameter, dtype=now.dtype)
        elements = self._elements.setdefault(parameter, _Elements(born, now.clone()))
        elements.born[at] = now
        elements.last.copy_(now)

    @torch.no_grad()
    def follow(self, parameter: Tensor, dim: int, source: Tensor) -> None:
        """Reindex: the parameter now has slices `source` of itself along `dim`, -1 for new."""
        births = self._births.get(parameter)
        if births is not None and dim in births.by_dim:
            born = optimizer_state.take_slices(births.by_dim[dim], 0, source)
            births.by_dim[dim] = born
            births.young[dim] = born.nonzero().flatten()
        elements = self._elements.get(parameter)
        if elements is not None:
            elements.born = optimizer_state.take_slices(elements.born, dim, source)

    @torch.no_grad()
    def after_step(self) -> None:
        """Correct newborn parameters after an update of the optimizer."""
        groups = {
            p: self._rates.last_settings(group)
            for group in self.optimizer.param_groups
            for p in group["params"]
        }
        for parameter, births in self._births.items():
            now = self._now(parameter)
            if now is None or births.last is None:
                continue
            for born in births.by_dim.values():
                born.mul_(now >= born)  # a guard that resets the count has reset all moments too
            moved = now != births.last  # a scaler may have skipped the update
            births.last.copy_(now)
            for dim in births.by_dim:
                self._correct(parameter, births, dim, (now * moved, groups[parameter]))
        for parameter, elements in self._elements.items():
            self._correct_elements(parameter, elements, groups[parameter])

    def _correct_elements(
        self, parameter: Tensor, elements: _Elements, group: Mapping[str, Any]
    ) -> None:
        """Correct every element; those never born, or as old as the optimizer, by exactly 0."""
        now, held = self._now(parameter), self.optimizer.state[parameter]
        if now is None:
            return
        elements.born.mul_(elements.born <= now)  # see after_step
        moved = now != elements.last
        elements.last.copy_(now)
        second = held["max_exp_avg_sq"] if group.get("amsgrad") else held["exp_avg_sq"]
        biases = _biases(tuple(group["betas"]), parameter.dtype, parameter.device)
        ages = (now - elements.born).long().clamp_(max=biases.shape[1] - 1)
        root, whole = second.sqrt(), now.long().clamp_(max=biases.shape[1] - 1)
        change = _update(held["exp_avg"], root, biases[:, whole], group["eps"])
        change -= _update(held["exp_avg"], root, biases[:, ages], group["eps"])
        change = self._share(change, parameter)
        parameter.addcmul_(change, moved * self._rates.effective_lr(group["lr"]))

    def state_dict(self) -> dict[str, Any]:
        """Return the recorded births as plain data."""
        places = {id(p): i for i, p in enumerate(self._parameters())}
        kinds: dict[str, dict[Tensor, Any]] = {"births": self._births, "elements": self._elements}
        return {
            name: {places[id(p)]: copy.deepcopy(vars(held)) for p, held in kind.items()}
            for name, kind in kinds.items()
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; the groups must be in the same order."""
        parameters = self._parameters()
        self._births = {
            parameters[i]: _Births(**copy.deepcopy(b)) for i, b in saved["births"].items()
        }
        self._elements = {
            parameters[i]: _Elements(**copy.deepcopy(e)) for i, e in saved["elements"].items()
        }

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _correct(
        self, parameter: Tensor, births: _Births, dim: int, when: tuple[Tensor, Mapping[str, Any]]
    ) -> None:
        """Correct the young slices along `dim`, at an update and under a group; at 0 nothing."""
        index, (now, group) = births.young[dim], when
        if not len(index):
            return
        held = self.optimizer.state[parameter]
        second = held["max_exp_avg_sq"] if group.get("amsgrad") else held["exp_avg_sq"]
        mean = held["exp_avg"].index_select(dim, index)
        root = second.index_select(dim, index).sqrt_()
        age = self._ages(parameter, births, dim, now)
        biases = _biases(tuple(group["betas"]), parameter.dtype, parameter.device)
        wrong, right = (biases[:, x.long().clamp_(max=biases.shape[1] - 1)] for x in (now, age))
        change = _update(mean, root, wrong, group["eps"])
        change -= _update(mean, root, right, group["eps"])
        change *= self._rates.effective_lr(group["lr"]) * now.sign()
        change = self._share(change, parameter, dim, index)
        if dim > 0 and 0 in births.young:
            change.index_fill_(0, births.young[0], 0.0)  # corrected with the rows
        parameter.index_add_(dim, index, change)

    def _ages(self, parameter: Tensor, births: _Births, dim: int, now: Tensor) -> Tensor:
        """Return updates since the birth of each element of the young slices, broadcastable."""
        latest: Tensor | None = None
        for each, born in births.by_dim.items():
            part = born[births.young[dim]] if each == dim else born
            part = part.view([-1 if i == each else 1 for i in range(parameter.ndim)])
            latest = part if latest is None else torch.maximum(latest, part)
        assert latest is not None
        return now - latest

    def _now(self, parameter: Tensor) -> Tensor | None:
        """Return the parameter's update count; None if its optimizer has no Adam's moments."""
        held = self.optimizer.state.get(parameter, {})
        return held["step"].to(parameter.device) if "exp_avg_sq" in held else None

    def _group(self, parameter: Tensor) -> dict[str, Any]:
        groups = self.optimizer.param_groups
        return next(g for g in groups if any(p is parameter for p in g["params"]))

    def _share(
        self, change: Tensor, parameter: Tensor, dim: int = 0, index: Tensor | None = None
    ) -> Tensor:
        """Scale a change of slices `index`, or of everything, by the parameter's multipliers."""
        share = self._rates.rate_multipliers.get(parameter, 1.0)
        if isinstance(share, Tensor) and share.ndim:
            share = (share if index is None else share.index_select(dim, index)).to(change)
        return change if isinstance(share, float) and share == 1.0 else change * share


def _update(mean: Tensor, root: Tensor, biases: Tensor, epsilon: float) -> Tensor:
    """Return Adam's step without the rate, where the moments have these biases (2, ...)."""
    first, second = biases
    update: Tensor = mean / (root / second).add_(epsilon).mul_(first)
    return update


@functools.lru_cache(maxsize=8)  # a schedule may change betas at each step
def _biases(betas: tuple[float, float], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return 1 - beta1^k and the root of 1 - beta2^k, (2, k), until they are 1; k = 0 as k = 1."""
    lengths = [math.log(ROUNDED) / math.log(beta) for beta in betas if 0 < beta < 1]
    steps = torch.arange(min(math.ceil(max(lengths, default=1)), LONGEST) + 1).clamp_min_(1)
    first, second = (1 - beta ** steps.double() for beta in betas)
    return torch.stack([first, second.sqrt()]).to(device, dtype)
