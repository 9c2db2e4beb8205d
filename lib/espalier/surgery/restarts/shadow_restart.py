"""A fresh optimizer for newborns alone, of whatever class trains the rest of the network.

An optimizer that treats every element by itself does to newborns what it would do to them alone.
So those of one step get a fresh optimizer of their own, over a flat copy of their elements. At
each update it is given their weights, gradients and state, and what it makes of them replaces what
the network's optimizer made of them. Only what counts (steps, products of momenta) is its own.

That ends when both agree for `WINDOW` updates, which they do once no bias of the moments is left:
at once under RMSprop, after some 7,000 updates under NAdam and RAdam at torch's default betas. An
update costs about as much as one of a network as large as all newborns that are not done yet.

It works in hooks of the optimizer, before and after its step: a learning rate that is changed
afterwards plays no part, and what scales updates later (`espalier.rates`) sees the right ones.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from espalier.sparse.optimizer_parts import parts_of
from espalier.surgery import optimizer_state
from espalier.surgery.restarts import fresh_optimizer

WINDOW = 64  # updates in which the two must agree
AGREED = 1e-3  # of an update: less than that apart is agreement
SCALER = ("grad_scale", "found_inf")  # what a GradScaler leaves for fused steps


@dataclass
class _Shadow:
    """Newborn elements of one parameter, by their flat places (n,)."""

    parameter: Tensor
    places: Tensor
    shape: torch.Size  # of the parameter that the places are of
    copy: nn.Parameter = field(default_factory=lambda: nn.Parameter(torch.empty(0)))
    names: tuple[frozenset[str], ...] = ()  # of state by element, of each part of the optimizer
    before: Tensor | None = None
    index: tuple[Tensor, ...] = ()

    def __post_init__(self) -> None:
        self.put(self.places, self.shape)

    def put(self, places: Tensor, shape: torch.Size) -> None:
        """Let the newborns be at other places, of a parameter of `shape`."""
        self.places, self.shape = places, shape
        self.index = torch.unravel_index(places, shape)  # for each dimension


@dataclass
class _Cohort:
    """Newborns of one step with their fresh optimizer, which is made at the next update."""

    shadows: dict[Tensor, _Shadow] = field(default_factory=dict)
    optimizer: torch.optim.Optimizer | None = None
    groups: list[int] = field(default_factory=list)  # for each of its groups, the one it is of
    age: int = 0
    moved: Tensor | None = None  # in this window, any element
    apart: Tensor | None = None

    def is_over(self) -> bool:
        """Return whether a window is over in which both optimizers agreed; begin the next."""
        if self.age == 0 or self.age % WINDOW or self.moved is None or self.apart is None:
            return False
        over = bool(self.moved) and not bool(self.apart)
        self.moved = self.apart = None
        return over


class ShadowRestart:
    """Fresh optimizers for the newborns of `optimizer`, by the step of their birth."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self._cohorts: list[_Cohort] = []
        self._install_hooks()

    def _install_hooks(self) -> None:
        """Let the optimizer call this, for as long as this lives."""
        here = weakref.ref(self)

        def before(_: object, args: Any, kwargs: Any) -> None:
            if (restart := here()) is not None:
                closure = kwargs.get("closure", args[1] if len(args) > 1 else None)  # after self
                restart._before_step(closure is not None)

        def after(*_: object) -> None:
            if (restart := here()) is not None:
                restart._after_step()

        self._closure = False
        handles = (
            self.optimizer.register_step_pre_hook(before),
            self.optimizer.register_step_post_hook(after),
        )
        for handle in handles:
            weakref.finalize(self, handle.remove)

    def __getstate__(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer, "_cohorts": self._cohorts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._install_hooks()

    @torch.no_grad()
    def note(self, parameter: Tensor, dim: int, index: Tensor) -> None:
        """Record that slices `index` (n,) along `dim` are born now."""
        places = torch.arange(parameter.numel(), device=parameter.device)
        self._begin(parameter, places.view(parameter.shape).index_select(dim, index).flatten())

    @torch.no_grad()
    def note_elements(self, parameter: Tensor, at: tuple[Tensor, ...]) -> None:
        """Record that single elements are born now; `at` has an index (n,) for each dimension."""
        places = torch.arange(parameter.numel(), device=parameter.device)
        self._begin(parameter, places.view(parameter.shape)[at].flatten())

    def _begin(self, parameter: Tensor, places: Tensor) -> None:
        """Let elements be of the youngest cohort, and of no other."""
        if not len(places) or not any(p.state for p in parts_of(self.optimizer)):
            return  # the optimizer's first update is yet to come
        if not self._cohorts or self._cohorts[-1].optimizer is not None:
            self._cohorts.append(_Cohort())
        *older, youngest = self._cohorts
        for cohort in older:
            if (shadow := cohort.shadows.get(parameter)) is not None:
                stay = ~torch.isin(shadow.places, places)
                shadow.put(shadow.places[stay], shadow.shape)
        own = youngest.shadows.setdefault(parameter, _Shadow(parameter, places, parameter.shape))
        own.put(torch.unique(torch.cat([own.places, places])), own.shape)

    @torch.no_grad()
    def follow(self, parameter: Tensor, dim: int, source: Tensor) -> None:
        """Reindex: the parameter now has slices `source` of itself along `dim`, -1 for new."""
        for cohort in self._cohorts:
            if (shadow := cohort.shadows.get(parameter)) is not None:
                marks = _marks(shadow.places, shadow.shape)
                moved = optimizer_state.take_slices(marks, dim, source).flatten().nonzero()
                shadow.put(moved.flatten(), parameter.shape)

    def after_step(self) -> None:
        """Do nothing: all is done when the optimizer has stepped."""

    @torch.no_grad()
    def _before_step(self, closure: bool) -> None:
        """Take weights, state and gradients as the optimizer is about to see them."""
        self._closure = closure
        self._drop_finished()
        for cohort in self._cohorts:
            if cohort.optimizer is None:
                self._make(cohort)
            for shadow in cohort.shadows.values():
                self._take(cohort, shadow)
                if not closure:
                    _take_gradient(shadow)

    @torch.no_grad()
    def _after_step(self) -> None:
        """Put what the fresh optimizers make of newborns in place of what was made of them."""
        for cohort in self._cohorts:
            if cohort.optimizer is None:  # born within the step
                continue
            for shadow in cohort.shadows.values() if self._closure else ():
                _take_gradient(shadow)
            self._step(cohort, cohort.optimizer)

    def _step(self, cohort: _Cohort, fresh: torch.optim.Optimizer) -> None:
        for name in SCALER:
            if name in vars(self.optimizer):
                setattr(fresh, name, vars(self.optimizer)[name])
        fresh.step()
        cohort.age += 1
        for shadow in cohort.shadows.values():
            _compare(cohort, shadow)
            self._put(fresh, shadow)

    def _make(self, cohort: _Cohort) -> None:
        """Make the fresh optimizer of a cohort, with a group for each of its parameters' groups."""
        for shadow in cohort.shadows.values():
            shadow.copy = nn.Parameter(shadow.parameter.detach()[shadow.index])
        members = [
            (place, [cohort.shadows[p].copy for p in group["params"] if p in cohort.shadows])
            for place, group in enumerate(self.optimizer.param_groups)
        ]
        members = [(place, copies) for place, copies in members if copies]
        groups = [(copies, self._settings(place)) for place, copies in members]
        cohort.groups = [place for place, _ in members]
        cohort.optimizer = fresh_optimizer.make(self.optimizer, groups)

    def _settings(self, place: int) -> dict[str, Any]:
        counters = fresh_optimizer.traits_of(self.optimizer).counters
        return fresh_optimizer.settings_of(self.optimizer.param_groups[place], counters)

    def _take(self, cohort: _Cohort, shadow: _Shadow) -> None:
        """Bring settings, weights and state of newborns to what they are now."""
        fresh, at = cohort.optimizer, shadow.index
        assert fresh is not None
        for group, place in zip(fresh.param_groups, cohort.groups, strict=True):
            group.update(self._settings(place))
        optimizer_state.put_data(shadow.copy, shadow.parameter.detach()[at])
        shadow.before = shadow.copy.detach().clone()
        for (held, own), names in zip(self._states(fresh, shadow), shadow.names, strict=False):
            for name in names & held.keys():
                own[name] = held[name][at]

    def _put(self, fresh: torch.optim.Optimizer, shadow: _Shadow) -> None:
        """Write weights and state of newborns."""
        at = shadow.index
        shadow.parameter[at] = shadow.copy.detach()
        names = []
        for held, own in self._states(fresh, shadow):
            alike = frozenset(
                name
                for name, x in own.items()
                if torch.is_tensor(x)
                and x.shape == shadow.copy.shape
                and torch.is_tensor(held.get(name))
                and held[name].shape == shadow.parameter.shape
            )
            for name in alike:
                held[name][at] = own[name]
            names.append(alike)
        shadow.names = tuple(names)

    def _states(
        self, fresh: torch.optim.Optimizer, shadow: _Shadow
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Yield the state of a parameter and of its newborns, of each part of the optimizer."""
        parts = parts_of(self.optimizer), parts_of(fresh)
        for whole, own in zip(*parts, strict=True):
            yield whole.state[shadow.parameter], own.state[shadow.copy]

    def _drop_finished(self) -> None:
        """Forget newborns that need no optimizer of their own any more, or are none any more."""
        for cohort in self._cohorts:
            trained = {p for group in self.optimizer.param_groups for p in group["params"]}
            gone = [p for p, s in cohort.shadows.items() if not len(s.places) or p not in trained]
            if len(gone) == len(cohort.shadows) or cohort.is_over():
                cohort.shadows = {}
            for parameter in gone if cohort.shadows else ():
                shadow = cohort.shadows.pop(parameter)
                if cohort.optimizer is not None:
                    for part in parts_of(cohort.optimizer):
                        optimizer_state.remove_param(part, shadow.copy)
        self._cohorts = [cohort for cohort in self._cohorts if cohort.shadows]

    def state_dict(self) -> dict[str, Any]:
        """Return the recorded births as plain data."""
        places = {p: place for place, p in enumerate(self._parameters())}
        return {
            "cohorts": [
                {
                    "age": cohort.age,
                    "moved": copy.copy(cohort.moved),
                    "apart": copy.copy(cohort.apart),
                    "counters": self._counts(cohort.optimizer),
                    "shadows": {
                        places[p]: _shadow_state(cohort.optimizer, shadow)
                        for p, shadow in cohort.shadows.items()
                    },
                }
                for cohort in self._cohorts
            ]
        }

    def _counts(self, fresh: torch.optim.Optimizer | None) -> list[dict[str, Any]] | None:
        """Return what the groups of a fresh optimizer count."""
        if fresh is None:
            return None
        names = fresh_optimizer.traits_of(self.optimizer).counters
        return [
            copy.deepcopy({name: group[name] for name in names & group.keys()})
            for group in fresh.param_groups
        ]

    @torch.no_grad()
    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; the groups must be in the same order."""
        parameters = self._parameters()
        self._cohorts = []
        for each in saved["cohorts"]:
            cohort = _Cohort(age=each["age"])
            cohort.moved, cohort.apart = copy.copy(each["moved"]), copy.copy(each["apart"])
            for place, held in each["shadows"].items():
                p = parameters[place]
                shadow = _Shadow(p, held["places"].clone(), torch.Size(held["shape"]))
                cohort.shadows[p] = shadow
            if each["counters"] is not None:
                self._load_counts(cohort, each)
            self._cohorts.append(cohort)

    def _load_counts(self, cohort: _Cohort, saved: Mapping[str, Any]) -> None:
        self._make(cohort)
        assert cohort.optimizer is not None
        for group, counts in zip(cohort.optimizer.param_groups, saved["counters"], strict=True):
            group.update(copy.deepcopy(counts))
        for shadow, held in zip(cohort.shadows.values(), saved["shadows"].values(), strict=True):
            shadow.names = tuple(frozenset(names) for names in held["names"])
            parts = parts_of(cohort.optimizer)
            for part, state in zip(parts, held["state"], strict=True):
                part.state[shadow.copy].update(copy.deepcopy(state))

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]


def _marks(places: Tensor, shape: Sequence[int]) -> Tensor:
    """Return a tensor of `shape` that is 1 at the flat `places` (n,) and 0 elsewhere."""
    marks = torch.zeros(shape, dtype=torch.uint8, device=places.device)
    marks.view(-1)[places] = 1
    return marks


def _shadow_state(fresh: torch.optim.Optimizer | None, shadow: _Shadow) -> dict[str, Any]:
    """Return where the newborns are and what of their state is not in the whole parameter's."""
    parts = [] if fresh is None else parts_of(fresh)
    states = [part.state[shadow.copy] for part in parts]
    own = [
        {name: value for name, value in state.items() if name not in names}
        for state, names in zip(states, shadow.names, strict=False)
    ]
    return {
        "places": shadow.places.clone(),
        "shape": tuple(shadow.shape),
        "names": [sorted(names) for names in shadow.names],
        "state": copy.deepcopy(own),
    }


def _take_gradient(shadow: _Shadow) -> None:
    gradient = shadow.parameter.grad
    shadow.copy.grad = None if gradient is None else gradient[shadow.index]


def _compare(cohort: _Cohort, shadow: _Shadow) -> None:
    """Note whether both optimizers made the same of newborns, before one replaces the other."""
    whole, alone = shadow.parameter.detach()[shadow.index], shadow.copy.detach()
    before = shadow.before
    assert before is not None
    update = (alone - before).abs()
    rounding = 4 * torch.finfo(before.dtype).eps * before.abs()
    apart = ((whole - alone).abs() > AGREED * update + rounding).any()
    moved = (update > 0).any()
    cohort.apart = apart if cohort.apart is None else cohort.apart | apart
    cohort.moved = moved if cohort.moved is None else cohort.moved | moved
