"""Sparse training: a network is sparse from its first step, and may be rewired as it trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.run_length import RunLength
from espalier.core.self_measuring import Measures, count_parameters
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.chain_connectivity import measure_connectivity
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.sparse.edges import Edges
from espalier.sparse.initial_edges import draw_uniform, scale_to_live_fan_in
from espalier.sparse.mask import MaskSet
from espalier.sparse.prunable import cover
from espalier.sparse.selection import select_missing, select_weakest
from espalier.surgery.restarts.per_slice_restart import restart_of


@dataclass
class Sparse:
    """The `method_state` of a run: its live edges and tensors that a method keeps beside them.

    `charged`: epochs that are not trained, because finding the first edges cost as much.
    `gradients`: those that the coming event looks at, where they come from a loop of the user's.
    """

    edges: Edges
    memory: list[Tensor] = field(default_factory=list)
    charged: int = 0
    gradients: list[Tensor] = field(default_factory=list)

    @property
    def masks(self) -> MaskSet:
        """The masks of the edges."""
        return self.edges.masks


def drop_smallest_magnitudes(run: Run[Sparse], schedule: DropSchedule) -> list[Tensor]:
    """Return the smallest |w| of each layer, as many as `schedule` says and it can replace."""
    return _drop_weakest(run, schedule, run.method_state.edges.weights)


def drop_at_random(run: Run[Sparse], schedule: DropSchedule) -> list[Tensor]:
    """Return as many live edges of each layer, each as likely, but for one of each unit."""
    return _drop_weakest(run, schedule, score_at_random(run))


def _drop_weakest(
    run: Run[Sparse], schedule: DropSchedule, scores: Sequence[Tensor]
) -> list[Tensor]:
    edges = run.method_state.edges
    quotas = [
        min(schedule.drop_count(count, run.step, run.total_steps), size - count)
        for count, size in zip(edges.counts, edges.masks.sizes, strict=True)
    ]
    parts = zip(scores, edges.live, quotas, edges.orientations, strict=True)
    return [select_weakest(*part) for part in parts]


def grow_as_many_as_dropped(run: Run[Sparse], dropped: list[Tensor]) -> list[int]:
    """Return for each layer the number of edges that it loses."""
    return [int(mask.sum()) for mask in dropped]


def score_at_random(run: Run[Sparse]) -> list[Tensor]:
    """Return uniform scores in [0, 1): every missing edge is equally likely to grow."""
    return draw_uniform(run.method_state.edges.weights, run.generators["method"])


@dataclass(frozen=True)
class RewiringRule(ABC):
    """A rule by which live edges go and others come, from 0. Biases stay."""

    schedule: DropSchedule

    @torch.no_grad()
    def rewire(self, run: Run[Sparse]) -> None:
        """Drop and grow edges once: one event."""
        edges = run.method_state.edges
        with edges.masks.event():
            pairs = list(zip(*self.choose(run), strict=True))
            edges.change(
                [old & ~new for old, new in pairs], [new & ~old for old, new in pairs], run.step
            )

    @abstractmethod
    def choose(self, run: Run[Sparse]) -> tuple[list[Tensor], list[Tensor]]:
        """Return which edges go and which come, bool in each weight's shape.

        One that does both stays as it is.
        """


@dataclass(frozen=True)
class Rewiring(RewiringRule):
    """A rule that drops live edges and grows as many others.

    `drop_criterion` returns which edges are dropped, bool in each weight's shape. `grow_criterion`
    returns scores in the same shapes; the missing edges with the highest ones grow. `grow_counts`
    returns how many grow in each layer, together as many as were dropped. With `regrow` an edge
    that is dropped may be among those that grow; without, it does not come back in the same event.
    """

    drop_criterion: Callable[[Run[Sparse], DropSchedule], list[Tensor]]
    grow_criterion: Callable[[Run[Sparse]], list[Tensor]]
    grow_counts: Callable[[Run[Sparse], list[Tensor]], list[int]] = grow_as_many_as_dropped
    regrow: bool = False

    @override
    def choose(self, run: Run[Sparse]) -> tuple[list[Tensor], list[Tensor]]:
        dropped = self.drop_criterion(run, self.schedule)
        counts = self.grow_counts(run, dropped)
        free = [~live for live in run.method_state.edges.live]
        if self.regrow:
            free = [missing | gone for missing, gone in zip(free, dropped, strict=True)]
        parts = zip(self.grow_criterion(run), free, counts, strict=True)
        return dropped, [select_missing(*part) for part in parts]


@kconfig_dataclass
class SparseTraining(Method[Sparse]):
    """Edges drawn before the first step, at random unless the plan says where to begin.

    Each unit gets one if the layer has enough for that.
    """

    plan: SparsePlan

    @property
    def first_plan(self) -> SparsePlan:
        """The plan of the first mask; its density is not the last one where that falls."""
        return self.plan

    @property
    def rewiring(self) -> RewiringRule | None:
        """The rule by which edges are replaced; None: they stay."""
        return None

    @override
    def attach(self, run: Run[Sparse]) -> None:
        coverage = cover(run.model, run.layers)
        weights = coverage.weights
        if not weights:
            raise CannotTrain("nothing_to_sparsify", coverage.describe_nothing())
        counts = self.first_plan.counts(list(weights), [w.shape for w in weights.values()])
        edges = Edges(weights, run.optimizer, restart_of(run.optimizer), coverage.orientations)
        run.announce(edges.masks)
        with edges.masks.event():
            charged = self._begin(run, edges, counts)
        run.method_state = Sparse(edges, charged=charged)
        self._check_rewiring(run)

    def _begin(self, run: Run[Sparse], edges: Edges, counts: list[int]) -> int:
        """Draw the first edges, `counts` of each layer; return the epochs that it is charged."""
        keys = edges.by_unit(draw_uniform(edges.weights, run.generators["method"]))
        rows, charged = self.plan.start.draw(run, edges.weights, keys, counts)
        live = edges.as_stored(rows)
        if self.plan.init == "live":
            scale_to_live_fan_in(edges, live)
        edges.begin(live)
        return charged

    def _check_rewiring(self, run: Run[Sparse]) -> None:
        if self.rewiring is None:
            return
        epochs = run.epochs - run.method_state.charged
        self.rewiring.schedule.check_length(RunLength(epochs, run.steps_per_epoch))
        self.check_room(run)

    def check_room(self, run: Run[Sparse]) -> None:
        """Raise CannotTrain if no edge could ever take the place of another."""
        if not run.method_state.masks.pruned:
            raise CannotTrain(
                "no_missing_edges",
                f"CONFIG_SPARSE_DENSITY={self.plan.density:g} leaves no edge to grow: lower it",
            )

    @override
    def charge(self, run: Run[Sparse]) -> int:
        return run.method_state.charged

    @override
    def after_backward(self, run: Run[Sparse]) -> None:
        run.method_state.edges.before_step()

    @override
    def after_step(self, run: Run[Sparse]) -> None:
        run.method_state.edges.after_step()
        rewiring = self.rewiring
        if rewiring is not None and rewiring.schedule.is_due(run.step, run.total_steps):
            rewiring.rewire(run)

    @override
    def check(self, run: Run[Sparse]) -> None:
        run.method_state.edges.assert_consistent()

    @override
    def measures(self, run: Run[Sparse]) -> Measures:
        """Return `edges_changed`, replaced since the start in `sparse_events` events, and others.

        `start_epochs`: epochs that finding the first edges was charged with.
        """
        edges = run.method_state.edges
        return {
            "sparsity": edges.masks.sparsity,
            "target_sparsity": round(1 - self.plan.density, 12),
            "live_parameters": count_parameters(run.model) - edges.masks.pruned,
            "edges_changed": edges.changed,
            "sparse_events": edges.events,
            "start_epochs": run.method_state.charged,
        }

    @override
    def connectivity(self, run: Run[Sparse]) -> Measures:
        """Return `prunable_share` too, the part of the model's matrices that can be masked."""
        edges = run.method_state.edges
        masks = dict(zip(edges.weights, edges.live, strict=True))
        share = cover(run.model).share
        return {"prunable_share": share, **measure_connectivity(run.model, masks)}

    @override
    def birth_record(self, run: Run[Sparse]) -> Edges | None:
        return None if self.rewiring is None else run.method_state.edges

    @override
    def state_dict(self, run: Run[Sparse]) -> StateDict:
        memory = [x.clone() for x in run.method_state.memory]
        return {"edges": run.method_state.edges.state_dict(), "memory": memory}

    @override
    def load_state_dict(self, run: Run[Sparse], state: StateDict) -> None:
        run.method_state.edges.load_state_dict(state["edges"])
        for tensor, saved in zip(run.method_state.memory, state["memory"], strict=True):
            tensor.copy_(saved)


def count_missing(edges: Edges) -> list[int]:
    """Return the number of missing edges of each layer."""
    return [size - count for size, count in zip(edges.masks.sizes, edges.counts, strict=True)]
