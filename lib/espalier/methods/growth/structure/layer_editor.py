"""Edits of the edges of an ordinary model, and what can be seen of its units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.contracts import CannotTrain
from espalier.core.self_measuring import KeepsMasks, count_parameters
from espalier.layers.masked_blocks import Pair
from espalier.methods.growth.structure.edge_editor import EdgeEditor, NetworkSnapshot
from espalier.methods.growth.structure.edge_network import At, Batch, LossOf, Observation
from espalier.methods.growth.structure.layer_network import LayerBlock, LayerNetwork
from espalier.methods.growth.structure.layer_observation import observe
from espalier.methods.growth.structure.structural_events import Event
from espalier.sparse.edges import Edges
from espalier.sparse.initial_edges import EdgePlan, draw_edges, scale_to_live_fan_in
from espalier.sparse.prunable import cover
from espalier.sparse.selection import select_droppable
from espalier.surgery.probe import evaluating
from espalier.surgery.restarts.per_slice_restart import restart_of
from espalier.surgery.restarts.restart_protocol import Restart
from espalier.surgery.rollback import Rollback


@dataclass
class LayerEditor(EdgeEditor[LayerNetwork]):
    """An editor of the edges of an ordinary model.

    An operation can be taken back only after `allow_rollback`, since each then takes a copy of the
    model.
    """

    density_symbol: ClassVar[str] = "CONFIG_SPARSE_DENSITY"
    reversible: bool = False

    @override
    def _begin_restarts(self) -> Restart:
        restarts = self.net.edges.restarts
        assert isinstance(restarts, Restart)
        return restarts

    @override
    def allow_rollback(self) -> None:
        self.reversible = True

    @override
    def before_step(self) -> None:
        self.net.edges.before_step()

    @override
    def name(self, pair: Pair) -> str:
        return self.net.block(*pair).name

    @override
    def module_name(self, pair: Pair) -> str:
        return self.net.block(*pair).module_name

    @override
    def block(self, pair: Pair) -> LayerBlock:
        return self.net.block(*pair)

    @override
    def _add(self, pair: Pair, at: At, weights: Tensor | float) -> None:
        self.block(pair).add(at, self.step, weights)

    @override
    def _drop(self, pair: Pair, at: At) -> None:
        self.block(pair).drop(at, self.step)

    @override
    def possible_pairs(self) -> list[Pair]:
        return list(self.net.pairs)

    @override
    def necessary_edges(self) -> dict[Pair, Tensor]:
        """Return the largest edge of each unit, or of a layer with fewer edges than units, one."""
        return {
            pair: block.mask & ~select_droppable(block.weight, block.mask)
            for pair, block in self.net.each()
        }

    @override
    def reached_outputs(self) -> Tensor:
        return torch.empty(0, dtype=torch.bool, device=self.device)

    @override
    def units_on_no_path(self) -> None:
        return None

    @override
    def birth_steps(self, weight: Tensor) -> Tensor | None:
        return self.net.edges.birth_steps(weight)

    @override
    def older(self, parameter: Tensor) -> Tensor:
        births = self.birth_steps(parameter)
        if births is None:
            return torch.ones_like(parameter, dtype=torch.bool)
        return births != self.step

    @property
    @override
    def live_parameters(self) -> int:
        return count_parameters(self.net.model) - self.net.edges.masks.pruned

    @override
    def edge_gradients(self, batch: Batch, loss_of: LossOf) -> dict[Pair, Tensor]:
        x, y = batch
        blocks = dict(self.net.each())
        weights = [block.parameter for block in blocks.values()]
        with evaluating(self.net.model), torch.enable_grad():
            gradients = torch.autograd.grad(
                loss_of(self.net.model(x), y), weights, allow_unused=True
            )
        filled = (
            torch.zeros_like(weight) if gradient is None else gradient
            for weight, gradient in zip(weights, gradients, strict=True)
        )
        return {
            pair: block.layout.matrix(gradient)
            for (pair, block), gradient in zip(blocks.items(), filled, strict=True)
        }

    @override
    def observe(self, batch: Batch, loss_of: LossOf) -> Observation:
        with evaluating(self.net.model), torch.enable_grad():
            return observe(self.net, batch, loss_of)

    @override
    def snapshot(self) -> NetworkSnapshot:
        return LayerSnapshot(self) if self.reversible else _NotKept()

    @override
    def state_dict(self) -> dict[str, Any]:
        return {
            "edges": self.net.edges.state_dict(),
            "step": self.step,
            "events": [vars(event) for event in self.events],
        }

    @override
    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        self.net.edges.load_state_dict(saved["edges"])
        self.step = saved["step"]
        self.events = [Event(**event) for event in saved["events"]]


class LayerSnapshot:
    """The state of a model, its edges and its optimizer."""

    def __init__(self, editor: LayerEditor) -> None:
        self._edges, self._rest = editor.net.edges, Rollback(editor.net.model, editor.optimizer)
        self._saved = self._edges.state_dict()

    def restore(self) -> None:
        """Make everything what it was, bit for bit."""
        self._rest.restore()
        self._edges.load_state_dict(self._saved)


class _NotKept:
    """No copy: operations on edges check before they act, so one that fails changes nothing."""

    def restore(self) -> None:
        """Leave everything as it is."""


def open_layers(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    plan: EdgePlan,
    generator: torch.Generator,
    announce: Callable[[KeepsMasks], None] = lambda _: None,
) -> LayerEditor:
    """Make `model` sparse by `plan`, before its first step, and return its editor.

    `announce` is given the masks before that. Raises CannotTrain if no layer can be sparse, or one
    would have no edge.
    """
    coverage = cover(model)
    weights = coverage.weights
    if not weights:
        raise CannotTrain("nothing_to_sparsify", coverage.describe_nothing())
    edges = Edges(weights, optimizer, restart_of(optimizer), coverage.orientations)
    counts = plan.counts(list(weights), [w.shape for w in weights.values()])
    announce(edges.masks)
    with edges.masks.event():
        live = draw_edges(edges, counts, generator)
        if plan.init == "live":
            scale_to_live_fan_in(edges, live)
        edges.begin(live)
    return LayerEditor(LayerNetwork(model, edges), generator, optimizer)
