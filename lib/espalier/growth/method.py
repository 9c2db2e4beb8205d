"""Training a network that is sparse from the start: what all such methods share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from espalier.contracts import CannotTrain, Method, Run
from espalier.growth import scoring
from espalier.growth.plan import SparsePlan, Turnover
from espalier.rates.history import Growth
from espalier.sparse.edges import Edges
from espalier.sparse.mask import MaskSet, prunable
from espalier.sparse.masked_linear import count_parameters
from espalier.sparse.selection import select_missing, select_weakest
from espalier.surgery.restart import Restarts


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
class SparseTraining(Method):
    """Edges drawn before the first step, at random unless the plan says where to begin.

    Each unit gets one if the layer has enough for that.
    """

    plan: SparsePlan = SparsePlan()

    def attach(self, run: Run) -> None:  # noqa: D102
        weights = prunable(run.model)
        if not weights:
            raise CannotTrain(
                "nothing_to_sparsify",
                "the model has no linear or convolution layer that is trained",
            )
        counts = self.plan.counts(list(weights), [w.shape for w in weights.values()])
        edges = Edges(weights, run.optimizer, Restarts(run.optimizer))
        keys = scoring.random(edges.weights, run.generators["method"])
        begun = self.plan.start.begun(run, edges.weights, keys, counts)
        if self.plan.init == "live":
            _enlarge(edges.weights, begun.live)
        edges.begin(begun.live)
        run.epochs -= begun.charged
        run.method_state = Sparse(edges, charged=begun.charged)

    def after_backward(self, run: Run) -> None:  # noqa: D102
        run.method_state.edges.before_step()

    def after_step(self, run: Run) -> None:  # noqa: D102
        run.method_state.edges.after_step()

    def check(self, run: Run) -> None:  # noqa: D102
        run.method_state.edges.assert_consistent()

    def measures(self, run: Run) -> dict[str, Any]:
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

    def live_masks(self, run: Run) -> dict[Tensor, Tensor]:
        """See `espalier.growth.connectivity.Masking`."""
        edges: Edges = run.method_state.edges
        return dict(zip(edges.weights, edges.live, strict=True))

    def state_dict(self, run: Run) -> dict[str, Any]:  # noqa: D102
        memory = [x.clone() for x in run.method_state.memory]
        return {"edges": run.method_state.edges.state_dict(), "memory": memory}

    def load_state_dict(self, run: Run, state: dict[str, Any]) -> None:  # noqa: D102
        run.method_state.edges.load_state_dict(state["edges"])
        for tensor, saved in zip(run.method_state.memory, state["memory"], strict=True):
            tensor.copy_(saved)


@dataclass(frozen=True)
class Rewiring(SparseTraining):
    """Sparse training in which weak edges go and as many come, at the places `scores` says.

    Only edges that were missing before the event come; they are 0 at first. Biases stay.
    """

    turnover: Turnover = Turnover()

    def attach(self, run: Run) -> None:  # noqa: D102
        super().attach(run)
        self.turnover.check(run.total_steps)
        if not run.method_state.masks.pruned:
            raise CannotTrain(
                "no_missing_edges",
                f"CONFIG_SPARSE_DENSITY={self.plan.density:g} leaves no edge to grow: lower it",
            )

    def after_step(self, run: Run) -> None:  # noqa: D102
        super().after_step(run)
        if self.turnover.due(run.step, run.total_steps):
            self.rewire(run)

    @torch.no_grad()
    def rewire(self, run: Run) -> None:
        """One event."""
        edges = run.method_state.edges
        gone = self.gone(run)
        counts = self.counts(run, gone)
        parts = zip(self.scores(run), edges.live, counts, strict=True)
        come = [select_missing(scores, ~live, count) for scores, live, count in parts]
        edges.change(gone, come, run.step)

    def birth_steps(self, run: Run, parameter: Tensor) -> Tensor | None:
        """See `espalier.rates.history.Growing`."""
        edges: Edges = run.method_state.edges
        return edges.born(parameter)

    def growths(self, run: Run) -> list[Growth]:
        """See `espalier.rates.history.Growing`."""
        edges: Edges = run.method_state.edges
        layers = [name.removesuffix("weight").removesuffix(".") for name in edges.names]
        return [
            Growth(
                change.step, tuple(n for n, new in zip(layers, change.grown, strict=True) if new)
            )
            for change in edges.ledger[1:]
            if any(change.grown)
        ]

    def gone(self, run: Run) -> list[Tensor]:
        """Bool, of each layer in its weight's shape: the edges that go.

        The smallest of each layer, as many as the turnover says and can be replaced in it.
        """
        edges = run.method_state.edges
        quotas = [
            min(self.turnover.quota(count, run.step, run.total_steps), size - count)
            for count, size in zip(edges.counts, edges.masks.sizes, strict=True)
        ]
        parts = zip(edges.weights, edges.live, quotas, strict=True)
        return [select_weakest(*part) for part in parts]

    def counts(self, run: Run, gone: list[Tensor]) -> list[int]:
        """How many edges each layer gets, in all as many as go: in each as many as it loses."""
        return [int(mask.sum()) for mask in gone]

    def scores(self, run: Run) -> list[Tensor]:
        """How much each edge is wanted, of each layer in its weight's shape: all alike."""
        return scoring.random(run.method_state.edges.weights, run.generators["method"])


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
