"""Training a network that is sparse from the start: what all such methods share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures, count_parameters
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.growth.measurement import connectivity
from espalier.methods.growth.placement import edge_scores
from espalier.methods.rewiring.rewiring_options import EdgeTurnover, SparsePlan
from espalier.sparse.edges import Edges
from espalier.sparse.mask import MaskSet, prunable
from espalier.sparse.selection import select_missing, select_weakest
from espalier.surgery.per_slice_restart import Restarts


@dataclass
class Sparse:
    """The `method_state` of a run: its edges, and whatever else a method has to remember.

    `charged` are the epochs that it has fewer than asked for, because finding its first edges cost
    as much.
    """

    edges: Edges
    memory: list[Tensor] = field(default_factory=list)
    charged: int = 0

    @property
    def masks(self) -> MaskSet:
        """Of the edges."""
        return self.edges.masks


@dataclass(frozen=True)
class Rewiring:
    """How edges are replaced: weak ones go and as many come, where scores are highest.

    Only edges that were missing before the event come; they are 0 at first. Biases stay. `score`
    returns how much each edge is wanted, in each weight's shape, and `drop` which edges go, bool in
    the same shapes. `count` returns how many each layer gets; together as many as `drop` says.
    """

    turnover: EdgeTurnover
    score: Callable[[Run[Sparse]], list[Tensor]]
    drop: Callable[[Run[Sparse], EdgeTurnover], list[Tensor]]
    count: Callable[[Run[Sparse], list[Tensor]], list[int]]

    @torch.no_grad()
    def rewire(self, run: Run[Sparse]) -> None:
        """Replace edges once."""
        edges = run.method_state.edges
        gone = self.drop(run, self.turnover)
        counts = self.count(run, gone)
        parts = zip(self.score(run), edges.live, counts, strict=True)
        come = [select_missing(scores, ~live, count) for scores, live, count in parts]
        edges.change(gone, come, run.step)


def drop_smallest(run: Run[Sparse], turnover: EdgeTurnover) -> list[Tensor]:
    """Return the smallest edges of each layer, as many as `turnover` says and it can replace."""
    edges = run.method_state.edges
    quotas = [
        min(turnover.quota(count, run.step, run.total_steps), size - count)
        for count, size in zip(edges.counts, edges.masks.sizes, strict=True)
    ]
    parts = zip(edges.weights, edges.live, quotas, strict=True)
    return [select_weakest(*part) for part in parts]


def count_as_lost(run: Run[Sparse], gone: list[Tensor]) -> list[int]:
    """Return as many edges for each layer as it loses."""
    return [int(mask.sum()) for mask in gone]


def score_at_random(run: Run[Sparse]) -> list[Tensor]:
    """Score all edges alike."""
    return edge_scores.random(run.method_state.edges.weights, run.generators["method"])


@kconfig_dataclass
class SparseTraining(Method[Sparse]):
    """Edges drawn before the first step, at random unless the plan says where to begin.

    Each unit gets one if the layer has enough for that.
    """

    plan: SparsePlan

    @property
    def rewiring(self) -> Rewiring | None:
        """How edges are replaced; None: they stay."""
        return None

    @override
    def attach(self, run: Run[Sparse]) -> None:
        weights = prunable(run.model)
        if not weights:
            raise CannotTrain(
                "nothing_to_sparsify",
                "the model has no linear or convolution layer that is trained",
            )
        counts = self.plan.counts(list(weights), [w.shape for w in weights.values()])
        edges = Edges(weights, run.optimizer, Restarts(run.optimizer))
        keys = edge_scores.random(edges.weights, run.generators["method"])
        begun = self.plan.start.begun(run, edges.weights, keys, counts)
        if self.plan.init == "live":
            _enlarge(edges.weights, begun.live)
        edges.begin(begun.live)
        run.method_state = Sparse(edges, charged=begun.charged)
        self._check_rewiring(run)

    def _check_rewiring(self, run: Run[Sparse]) -> None:
        if self.rewiring is None:
            return
        epochs = run.epochs - run.method_state.charged
        self.rewiring.turnover.check(epochs * run.steps_per_epoch)
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
        if rewiring is not None and rewiring.turnover.due(run.step, run.total_steps):
            rewiring.rewire(run)

    @override
    def check(self, run: Run[Sparse]) -> None:
        run.method_state.edges.assert_consistent()

    @override
    def measures(self, run: Run[Sparse]) -> Measures:
        """`edges_changed` are those replaced since the start, in `sparse_events` events.

        `start_epochs` are those that finding the first edges was charged with.
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
        edges = run.method_state.edges
        return connectivity.of_masks(run.model, dict(zip(edges.weights, edges.live, strict=True)))

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


def missing(edges: Edges) -> list[int]:
    """Of each layer, the edges that are not there."""
    return [size - count for size, count in zip(edges.masks.sizes, edges.counts, strict=True)]


@torch.no_grad()
def _enlarge(weights: list[Tensor], live: list[Tensor]) -> None:
    """Give the sums of each unit over its live edges the variance of those over all."""
    for weight, mask in zip(weights, live, strict=True):
        rows = mask.flatten(1)
        gain = (rows.shape[1] / rows.sum(1).clamp_min(1)).sqrt().to(weight)
        weight.mul_(gain.view(-1, *[1] * (weight.ndim - 1)))
