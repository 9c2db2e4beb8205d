"""Apoptosis of whole layers: residual branches fade, die and are born again while a network trains.

A branch f of x + f(x) fades by its last layer's weight and bias, which shrink in place: the stream
x is never touched, no module changes, and nothing is hooked. Call `step()` after each update.

A branch is in one of three zones. From *birth* it goes on to *stable* once it is mature. The
*death* zone has so many places: as one becomes free, the branch that has been stable for longest
moves in, the deepest among equals, and loses influence from then on. One with hardly any left
dies at the next event and is in the birth zone again. At the start the zones go by depth: the
first branches are in birth, the last in death.

Source: the earlier apoptosis code's layer-level manager, and its zones and defaults.
Differs: it scaled the stream itself, so that a layer without influence erased the signal; its
model was trained by plain SGD while others had AdamW; a layer's age was never reset by the zone it
came to, so that deaths ended after two; its parents were called vital by their age alone. Its
ramps of the learning rate, temperature and dropout, and its ceiling on the influence of the
young, are left out: newborn branches begin at nothing and take what training gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from espalier.kconfig.config_dataclass import with_defaults
from espalier.methods.apoptosis.branches import rebirth
from espalier.methods.apoptosis.branches.lifespan_schedule import (
    LifespanOptions as LifespanOptions,
)
from espalier.methods.apoptosis.branches.residual_branches import (
    Branch,
    contributions,
    find_branches,
)
from espalier.sparse import processes
from espalier.sparse.processes import Group
from espalier.surgery.restarts.per_slice_restart import restart_of

Zone = Literal["birth", "stable", "death"]


class LayerEvent(NamedTuple):
    """A branch, by the name of its last layer, that died and was born again."""

    step: int
    layer: str
    count: int  # type: ignore[assignment]


@dataclass
class BranchLife:
    """Of a branch: its zone, the steps it has been there, its influence, and its deaths so far."""

    zone: Zone
    age: int = 0
    influence: float = 1.0
    deaths: int = 0


class LayerApoptosisManager:
    """Layer-level apoptosis for any training loop.

    manager = LayerApoptosisManager(model, probe=x, optimizer=optimizer)
    for ...:
        ...
        optimizer.step()
        manager.step()
    """

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Sequence[str] | None = None,
        lifespan: LifespanOptions | None = None,
        *,
        probe: Tensor,
        optimizer: torch.optim.Optimizer | None = None,
        generator: torch.Generator | None = None,
        process_group: Group = None,
    ) -> None:
        """`target_layers` name last layers of branches, with wildcards: `blocks.*.ffn.3`.

        Without them every residual branch takes part (see `find_branches`). `probe` are inputs
        (n, ...) of the model, on which branches are found and their contributions measured. The
        state of `optimizer` follows births; without it newborns inherit that of the dead.
        `generator` is of all random decisions, on the CPU; by default one with seed 0. Under
        `torch.distributed` the processes of `process_group`, by default all, do what the first
        decides.
        Raises ValueError for names that fit no branch, and for models without branches.
        """
        self.model, self.probe = processes.wrapped(model), probe
        self.lifespan = lifespan or with_defaults(LifespanOptions)
        self.branches = find_branches(self.model, probe[:1], target_layers or ())
        self._group = process_group
        self.step_count = 0
        self.apoptosis_events: list[LayerEvent] = []
        self._optimizer = optimizer
        self._restarts = None if self._optimizer is None else restart_of(self._optimizer)
        self._generator = generator or torch.Generator().manual_seed(0)
        self._origins = {branch.name: rebirth.record_origins(branch) for branch in self.branches}
        self.lives = self._initial_lives()

    def _initial_lives(self) -> dict[str, BranchLife]:
        """Return the life of each branch, by its name and in order of depth."""
        rest = len(self.branches) - self._places
        young = min(rest, round(self.lifespan.birth_share * len(self.branches)))
        parts: list[tuple[Zone, int]] = [("birth", young), ("stable", rest - young)]
        zones = [zone for zone, count in [*parts, ("death", self._places)] for _ in range(count)]
        return {b.name: BranchLife(zone) for b, zone in zip(self.branches, zones, strict=True)}

    @property
    def _places(self) -> int:
        """Number of branches in the death zone."""
        return max(1, round(self.lifespan.death_share * len(self.branches)))

    @property
    def due(self) -> bool:
        """Whether the coming `step()` brings a death."""
        if (self.step_count + 1) % self.lifespan.interval:
            return False
        coming = (self.lifespan.influence(life.age + 1) for life in self._in("death").values())
        return any(influence < self.lifespan.threshold for influence in coming)

    @property
    def busy(self) -> bool:
        """Whether an event that has begun is not over: each is over at once; fades are none."""
        return False

    @torch.no_grad()
    def step(self) -> None:
        """Do what is due after an update of the optimizer."""
        self.step_count += 1
        if self._restarts is not None:
            self._restarts.after_step()
        for life in self.lives.values():
            life.age += 1
        self._fade()
        if self.step_count % self.lifespan.interval == 0:
            self._reap()
        self._rotate()

    def _in(self, zone: Zone) -> dict[str, BranchLife]:
        return {name: life for name, life in self.lives.items() if life.zone == zone}

    def _fade(self) -> None:
        """Take from each dying branch the influence that it loses with this step.

        What the optimizer has just added is shrunk along, so at no influence nothing is left.
        """
        for branch in self.branches:
            life = self.lives[branch.name]
            if life.zone == "death":
                left = self.lifespan.influence(life.age)
                for parameter in branch.outlet:
                    parameter.mul_(left / life.influence if life.influence else 0.0)
                life.influence = left

    def _rotate(self) -> None:
        """Move the mature to stable, and the oldest of the stable to free places."""
        for life in self._in("birth").values():
            if life.age >= self.lifespan.maturation:
                life.zone, life.age = "stable", 0
        for _ in range(self._places - len(self._in("death"))):
            stable = list(self._in("stable").values())
            if stable:
                oldest = max(reversed(stable), key=lambda life: life.age)
                oldest.zone, oldest.age = "death", 0

    def _reap(self) -> None:
        """Let branches with hardly any influence left die and be born again."""
        dying = [b for b in self.branches if self._is_spent(self.lives[b.name])]
        if dying:
            processes.broadcast_generator(self._generator, self._group)
            own = contributions(self.model, self.branches, self.probe)
            sizes: list[float] = processes.first(own, self._group)
            by_name = dict(zip(self.lives, sizes, strict=True))
            for branch in dying:
                self._give_birth(branch, by_name)
            written = [x for branch in dying for x in branch.tensors()]
            processes.broadcast(written, self._group)

    def _is_spent(self, life: BranchLife) -> bool:
        return life.zone == "death" and life.influence < self.lifespan.threshold

    def _give_birth(self, branch: Branch, by_name: Mapping[str, float]) -> None:
        parent = self._parent(branch, by_name) if self.lifespan.rebirth == "copy" else None
        if parent is None:
            rebirth.draw_fresh(branch, self._origins[branch.name], self._generator)
        else:
            strength = self.lifespan.mutation_strength or 0.0
            rebirth.inherit(branch, parent, strength, self._generator)
        rebirth.reset_branch(branch, self._optimizer, self._restarts)
        self.lives[branch.name] = BranchLife("birth", deaths=self.lives[branch.name].deaths + 1)
        self.apoptosis_events.append(LayerEvent(self.step_count, branch.name, 1))

    def _parent(self, branch: Branch, by_name: Mapping[str, float]) -> Branch | None:
        """Return the branch of the same kind that contributes most, not fading nor just born."""
        lives = {name: life for name, life in self.lives.items() if life.zone != "death"}
        fit = [
            other
            for other in self.branches
            if other.kind == branch.kind and other.name in lives and lives[other.name].age > 0
        ]
        return max(fit, key=lambda other: by_name[other.name], default=None)

    def get_stats(self) -> dict[str, dict[str, Any]]:
        """Return, for each branch, its zone, age there (steps), influence in [0, 1] and deaths."""
        return {name: asdict(life) for name, life in self.lives.items()}

    def remove(self) -> None:
        """Do nothing: there are no hooks on the model."""

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs to go on exactly from here, also within a fade.

        The model's and the optimizer's own states are saved beside it, as always.
        """
        return {
            "step": self.step_count,
            "events": [tuple(event) for event in self.apoptosis_events],
            "lives": self.get_stats(),
            "origins": {
                name: [rebirth.dump_origin(origin) for origin in began]
                for name, began in self._origins.items()
            },
            "generator": self._generator.get_state(),
            "restarts": None if self._restarts is None else self._restarts.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` of a manager made with the same arguments returned."""
        self.step_count = state["step"]
        self.apoptosis_events = [LayerEvent(*event) for event in state["events"]]
        self.lives = {name: BranchLife(**life) for name, life in state["lives"].items()}
        self._origins = {
            name: [rebirth.load_origin(saved) for saved in began]
            for name, began in state["origins"].items()
        }
        self._generator.set_state(state["generator"])
        if self._restarts is not None:
            self._restarts.load_state_dict(state["restarts"])
