"""Small dense patches come at units that stand out, or where the gradient is, within a budget.

Source: the earlier code's patched density and embedded patches: a sparse scaffold, dense patches at
extrema, slower scaffold afterwards (CONFIG_RATES=dual).
Differs: see `espalier.methods.growth.placement.patching`; the scaffold's edges stay what they
are, and masks hold while patches train: the earlier 97 % was a dense network, because its
masks had been left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run, StateDict
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.masked_blocks import Blocks, key
from espalier.layers.reachability import reach
from espalier.methods.growth.growing_method import GrowingMethod
from espalier.methods.growth.placement import patching
from espalier.methods.growth.placement.block_rewiring import add, anywhere
from espalier.methods.growth.placement.edge_scores import drawn
from espalier.methods.growth.placement.patching import PatchSearch, PatchSize
from espalier.methods.growth.placement.unit_statistics import LOOKED_AT, UnitStatistics, look
from espalier.methods.growth.structure.operations import add_patch
from espalier.methods.growth.structure.reviving import revive
from espalier.methods.growth.timing.growth_state import GrowthState, Memory

WEIGHT = "weight_"
"""Before the name of a block: its scaffold's weights, in a saved state."""


@dataclass(frozen=True)
class Extremes:
    """Hidden units at the last moment, counted."""

    dead_units: int = 0
    saturated_units: int = 0
    hot_units: int = 0
    units_on_no_path: int = 0


@dataclass
class Scaffold(Memory):
    """The edges before the first patch and their weights by block, and what came since."""

    edges: int
    patches: int = 0
    revived: int = 0
    extremes: Extremes = Extremes()
    weights: dict[str, Tensor] = field(default_factory=dict)

    @override
    def state_dict(self) -> StateDict:
        weights = {f"{WEIGHT}{name}": weight.clone() for name, weight in self.weights.items()}
        counts = {"scaffold": self.edges, "patches": self.patches, "revived": self.revived}
        return {**counts, **vars(self.extremes), **weights}

    @classmethod
    @override
    def of_state(cls, saved: Mapping[str, Any]) -> Self:
        extremes = Extremes(**{name: saved[name] for name in vars(Extremes())})
        weights = {k.removeprefix(WEIGHT): v for k, v in saved.items() if k.startswith(WEIGHT)}
        return cls(saved["scaffold"], saved["patches"], saved["revived"], extremes, weights)


@kconfig_dataclass
class Patches(GrowingMethod[Scaffold]):
    """Each moment spends the same part of a budget that is `share` of the scaffold's edges."""

    kind: Literal["embedded", "hidden"] | None  # None: single edges
    where: Literal["extrema", "gradient", "random", "scattered"]
    share: float
    sources: int | None
    targets: int | None
    hidden: int | None
    density: float | None
    revive: bool | None
    firing: float | None

    @property
    def size(self) -> PatchSize:
        """What a patch measures; symbols that Kconfig hides are None."""
        hidden = self.hidden or 0 if self.kind == "hidden" else 0
        return PatchSize(self.sources or 1, self.targets or 1, hidden, self.density or 1.0)

    @override
    def begin(self, net: Blocks) -> Scaffold:
        self._check(net)
        return Scaffold(net.live)

    def _check(self, net: Blocks) -> None:
        nodes = 4 if self.kind == "hidden" and self.where == "extrema" else 3
        if len(net.sizes) < nodes:
            raise CannotTrain(
                "no_place_for_patches",
                f"patches of this kind need {nodes - 2} or more hidden layers, and "
                f"CONFIG_BLOCKS_SIZES has {len(net.sizes) - 2}: add some",
            )
        room = sum(int((~block.mask).sum()) for _, block in net.each())
        if self.kind != "hidden" and self._budget(net.live) > room * (self.density or 1.0):
            raise CannotTrain(
                "no_place_for_patches",
                f"CONFIG_PATCHES_SHARE={self.share:g} asks for {self._budget(net.live)} edges, and "
                f"there is room for {room * (self.density or 1.0):.0f}: lower it",
            )

    def _budget(self, scaffold: int) -> int:
        """Edges of all patches together, for a scaffold of so many."""
        return max(1, round(self.share * scaffold))

    @override
    def act(self, run: Run[GrowthState[Scaffold]], most: int) -> None:
        """Spend the moment's part of what is left of the budget, and not more than `most`."""
        state = run.method_state
        _keep_scaffold(state)
        view = look(run)
        _note_extrema(state, view)
        spent = state.net.live - state.memory.edges
        quota = min(most, -(-(self._budget(state.memory.edges) - spent) // self.left(run)))
        if self.where == "scattered":
            add(state.ground, anywhere(state.net, quota, run.generators["method"]))
        else:
            self._spend(run, view, quota)

    def _spend(self, run: Run[GrowthState[Scaffold]], view: UnitStatistics, quota: int) -> None:
        state = run.method_state
        search = PatchSearch(state.net, self.size, run.generators["method"])
        taken: list[tuple[int, Tensor]] = []
        for patch in patching.RULES[self.where](search, view):
            fitted, new = patching.fitted(state.net, patch, self.size, quota)
            if new:
                add_patch(state.ground, fitted)
                state.memory.patches += 1
                taken.append((patch.pair[1], fitted.targets))
                quota -= new
            if quota <= 0:
                break
        if self.revive:
            self._revive(run, view, taken)

    def _revive(
        self, run: Run[GrowthState[Scaffold]], view: UnitStatistics, taken: list[tuple[int, Tensor]]
    ) -> None:
        """Targets that fired in none of the samples looked at, node by node from the input on."""
        state = run.method_state
        x, _ = drawn(run, LOOKED_AT)
        for node in sorted({node for node, _ in taken} - {state.net.last}):
            dead = view.activity(node).firing == 0
            targets = torch.zeros_like(dead)
            targets[torch.cat([units for at, units in taken if at == node])] = True
            units = (dead & targets).nonzero().flatten()
            if len(units):
                revive(state.ground, (node, units), x, self.firing or 0.5)
                state.memory.revived += len(units)

    @override
    def measures(self, run: Run[GrowthState[Scaffold]]) -> Measures:
        """With what the last moment found, and how far the scaffold has moved since the first.

        `scaffold_drift` is the norm of the change of the weights that were there from the start,
        over their norm before the first patch; `patch_edges` counts those that came.
        """
        state = run.method_state
        return {
            **super().measures(run),
            **vars(state.memory.extremes),
            "patches": state.memory.patches,
            "revived_units": state.memory.revived,
            "patch_edges": state.net.live - state.memory.edges,
            "scaffold_drift": _drift(state),
        }


def _note_extrema(state: GrowthState[Scaffold], view: UnitStatistics) -> None:
    """Count the units of hidden nodes that stand out, and those on no path."""
    hidden = range(1, state.net.last)
    extrema = [view.extrema(node) for node in hidden]
    off = reach(state.net.masks()).dead[1:-1]
    state.memory.extremes = Extremes(
        sum(int(one.dead.sum()) for one in extrema),
        sum(int(one.saturated.sum()) for one in extrema),
        sum(int(one.hot.sum()) for one in extrema),
        sum(int(units.sum()) for units in off),
    )


def _keep_scaffold(state: GrowthState[Scaffold]) -> None:
    """Before the first patch, keep the weights that are there."""
    for pair, block in state.net.each():
        state.memory.weights.setdefault(key(pair), block.weight.detach().clone())


def _drift(state: GrowthState[Scaffold]) -> float:
    moved = there = 0.0
    for pair, block in state.net.each():
        old = state.memory.weights.get(key(pair))
        if old is not None:
            rows, columns = old.shape
            live = block.births[:rows, :columns] == 0
            moved += float((block.weight.detach()[:rows, :columns] - old)[live].square().sum())
            there += float(old[live].square().sum())
    return math.sqrt(moved / there) if there else 0.0
