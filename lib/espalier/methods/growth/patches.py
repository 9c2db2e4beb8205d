"""Growth of small dense patches at extreme units or where the gradient is large, within a budget.

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
from espalier.layers.masked_blocks import key
from espalier.methods.growth.growing_method import GrowingMethod
from espalier.methods.growth.placement import patching
from espalier.methods.growth.placement.block_rewiring import add, select_random_missing
from espalier.methods.growth.placement.patching import PatchSearch, PatchSize
from espalier.methods.growth.placement.unit_statistics import (
    NUM_SAMPLES,
    UnitStatistics,
    measure_units,
)
from espalier.methods.growth.structure.edge_editor import EdgeEditor
from espalier.methods.growth.structure.operations import add_patch, revive
from espalier.methods.growth.timing.growth_state import GrowthState, Memory
from espalier.train.random_batch import draw_batch

WEIGHT = "weight_"
"""The prefix of a block's name in a saved state, for its scaffold's weights."""


@dataclass(frozen=True)
class ExtremaCounts:
    """Counts of hidden units at the last event."""

    dead_units: int = 0
    saturated_units: int = 0
    hot_units: int = 0
    units_on_no_path: int | None = 0  # None where that is not known


@dataclass
class Scaffold(Memory):
    """The edges before the first patch, their weights by block, and counts of patches since."""

    edges: int
    patches: int = 0
    revived: int = 0
    extremes: ExtremaCounts = ExtremaCounts()
    weights: dict[str, Tensor] = field(default_factory=dict)

    @override
    def state_dict(self) -> StateDict:
        weights = {f"{WEIGHT}{name}": weight.clone() for name, weight in self.weights.items()}
        counts = {"scaffold": self.edges, "patches": self.patches, "revived": self.revived}
        return {**counts, **vars(self.extremes), **weights}

    @classmethod
    @override
    def from_state(cls, saved: Mapping[str, Any]) -> Self:
        extremes = ExtremaCounts(**{name: saved[name] for name in vars(ExtremaCounts())})
        weights = {k.removeprefix(WEIGHT): v for k, v in saved.items() if k.startswith(WEIGHT)}
        return cls(saved["scaffold"], saved["patches"], saved["revived"], extremes, weights)


@kconfig_dataclass
class Patches(GrowingMethod[Scaffold]):
    """Spend an equal part of a budget at each event; it is a `share` of the scaffold's edges."""

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
        """The size of a patch; symbols that Kconfig hides are None."""
        hidden = self.hidden or 0 if self.kind == "hidden" else 0
        return PatchSize(self.sources or 1, self.targets or 1, hidden, self.density or 1.0)

    @property
    @override
    def needs_graph(self) -> str:
        if self.kind == "hidden":
            return "CONFIG_PATCHES_KIND=hidden adds units"
        return "CONFIG_PATCHES_REVIVE=y changes what units feed" if self.revive else ""

    @override
    def begin(self, editor: EdgeEditor) -> Scaffold:
        self._check(editor)
        return Scaffold(editor.net.live)

    def _check(self, editor: EdgeEditor) -> None:
        net = editor.net
        nodes = 4 if self.kind == "hidden" and self.where == "extrema" else 3
        if editor.has_graph and len(net.sizes) < nodes:
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
        """Return the edges of all patches together, for a `scaffold` of that many edges."""
        return max(1, round(self.share * scaffold))

    @override
    def act(self, run: Run[GrowthState[Scaffold]], max_edges: int) -> None:
        """Spend the event's part of the remaining budget, at most `max_edges`."""
        state = run.method_state
        _save_scaffold(state)
        stats = measure_units(run)
        _count_extrema(state, stats)
        spent = state.net.live - state.memory.edges
        quota = min(
            max_edges, -(-(self._budget(state.memory.edges) - spent) // self.events_left(run))
        )
        if self.where == "scattered":
            add(state.editor, select_random_missing(state.net, quota, run.generators["method"]))
        else:
            self._spend(run, stats, quota)

    def _spend(self, run: Run[GrowthState[Scaffold]], stats: UnitStatistics, quota: int) -> None:
        state = run.method_state
        search = PatchSearch(state.net, self.size, run.generators["method"])
        taken: list[tuple[int, Tensor]] = []
        for patch in patching.PLACEMENTS[self.where](search, stats):
            fit_to_budget, new = patching.fit_to_budget(state.net, patch, self.size, quota)
            if new:
                add_patch(state.editor, fit_to_budget)
                state.memory.patches += 1
                taken.append((patch.pair[1], fit_to_budget.targets))
                quota -= new
            if quota <= 0:
                break
        if self.revive:
            self._revive(run, stats, taken)

    def _revive(
        self,
        run: Run[GrowthState[Scaffold]],
        stats: UnitStatistics,
        taken: list[tuple[int, Tensor]],
    ) -> None:
        """Revive targets that fired in no sample of `stats`, node by node from the input on."""
        state = run.method_state
        x, _ = draw_batch(run, NUM_SAMPLES)
        for node in sorted({node for node, _ in taken} - {state.graph.net.last}):
            dead = stats.activity(node).firing == 0
            targets = torch.zeros_like(dead)
            targets[torch.cat([units for at, units in taken if at == node])] = True
            units = (dead & targets).nonzero().flatten()
            if len(units):
                revive(state.graph, (node, units), x, self.firing or 0.5)
                state.memory.revived += len(units)

    @override
    def measures(self, run: Run[GrowthState[Scaffold]]) -> Measures:
        """Return counts of units at the last event, of patches and their edges, and others.

        `scaffold_drift` is the norm of the change of the weights that were there from the start,
        over their norm before the first patch; `patch_edges` counts the edges added since.
        """
        state = run.method_state
        return {
            **super().measures(run),
            **{k: v for k, v in vars(state.memory.extremes).items() if v is not None},
            "patches": state.memory.patches,
            "revived_units": state.memory.revived,
            "patch_edges": state.net.live - state.memory.edges,
            "scaffold_drift": _drift(state),
        }


def _count_extrema(state: GrowthState[Scaffold], stats: UnitStatistics) -> None:
    """Count the extreme units of hidden nodes, and those on no path."""
    extrema = [stats.extrema(node) for node in stats.hidden]
    state.memory.extremes = ExtremaCounts(
        sum(int(node.dead.sum()) for node in extrema),
        sum(int(node.saturated.sum()) for node in extrema),
        sum(int(node.hot.sum()) for node in extrema),
        state.editor.units_on_no_path(),
    )


def _save_scaffold(state: GrowthState[Scaffold]) -> None:
    """Save the weights of blocks that have not been saved: before the first patch, all."""
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
