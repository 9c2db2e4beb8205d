"""The actions by which a network of masked blocks can grow, each with its place, ready to be done.

All of them leave the logits as they are, and each costs about the same number of edges: those
that add edges exactly that number, those that add units a multiple of the edges of a unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from torch import Tensor

from espalier.core.contracts import Run
from espalier.layers.masked_blocks import Pair, key
from espalier.methods.growth.placement import block_rewiring, missing_edge_scores
from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.operations import Patch
from espalier.methods.growth.structure.reversible_operations import ReversibleChange
from espalier.methods.growth.timing.growth_state import GrowthState

Act: TypeAlias = Callable[[], ReversibleChange | None]
"""Acts on the run's network; returns None if nothing can be added there."""

SKIP = "skip"
FAN = 8
"""The most units that a new one reads, and feeds: those where the gradient is largest."""


@dataclass(frozen=True)
class Candidate:
    """An action, such as `widen`, and its place: a node (`2`) or a block (`1_2`)."""

    action: str
    where: str
    act: Act


def candidates(run: Run[GrowthState], size: int) -> Iterator[Candidate]:
    """Yield all actions of about `size` edges, in an order that depends on the structure alone."""
    net = run.method_state.graph.net
    nodes = range(1, net.last)
    yield from (Candidate("widen", str(n), partial(_widen, run, n, size)) for n in nodes)
    yield from (Candidate("insert", str(n), partial(_insert, run, n)) for n in nodes)
    for j in range(1, net.last + 1):
        for i in range(j):
            action = "edges" if j == i + 1 else SKIP
            yield Candidate(action, key((i, j)), partial(_add_edges, run, (i, j), size))
    yield Candidate("random", "", partial(_add_random_edges, run, size))


def _add_edges(run: Run[GrowthState], pair: Pair, size: int) -> ReversibleChange | None:
    """Add the edges of a block with the largest gradient."""
    editor = run.method_state.editor
    scores = missing_edge_scores.score_by_gradient(run, [pair])
    return block_rewiring.add(editor, block_rewiring.select_top_missing(editor.net, scores, size))


def _widen(run: Run[GrowthState], node: int, size: int) -> ReversibleChange:
    """Add units between those whose edges past the node have the largest gradients.

    Source: Evci et al. 2022, "GradMax", arXiv 2201.05125, for the gradient past a node, which
    bounds what units in it can gain.
    Differs: units and not a singular basis are chosen, since edges are few.
    """
    pair = (node - 1, node + 1)
    squares = missing_edge_scores.score_by_gradient(run, [pair])[pair].square()
    sources, targets = _largest(squares.sum(0)), _largest(squares.sum(1))
    units = max(1, round(size / (len(sources) + len(targets))))
    return operations.add_patch(run.method_state.graph, Patch(pair, sources, targets, units))


def _largest(values: Tensor) -> Tensor:
    return values.argsort(descending=True, stable=True)[:FAN]


def _insert(run: Run[GrowthState], node: int) -> ReversibleChange:
    """Insert a layer behind a node, which copies it."""
    return operations.insert_layer(run.method_state.graph, node)


def _add_random_edges(run: Run[GrowthState], size: int) -> ReversibleChange | None:
    """Add missing edges of the present blocks, every one equally likely: a control."""
    editor = run.method_state.editor
    return block_rewiring.add(
        editor, block_rewiring.select_random_missing(editor.net, size, run.generators["method"])
    )
