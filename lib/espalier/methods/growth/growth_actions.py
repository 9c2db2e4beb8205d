"""What a network of masked blocks could do to grow: each action with its place, ready to be tried.

All of them leave the logits as they are, and each costs about the same number of edges: those
that add edges exactly as many as they are asked for, those that add units what they need.
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
"""Acts on the run's network; None if there is nothing left for it to do there."""

SKIP = "skip"
FAN = 8
"""Units that a new one reads, and that it feeds, at most: those where the gradient is largest."""


@dataclass(frozen=True)
class Candidate:
    """An action, such as `widen`, and where: a node (`2`) or a block (`1_2`)."""

    action: str
    where: str
    act: Act


def candidates(run: Run[GrowthState], size: int) -> Iterator[Candidate]:
    """All actions of about `size` edges each, in an order that depends on the structure alone."""
    net = run.method_state.net
    nodes = range(1, net.last)
    yield from (Candidate("widen", str(n), partial(_widen, run, n, size)) for n in nodes)
    yield from (Candidate("insert", str(n), partial(_insert, run, n)) for n in nodes)
    for j in range(1, net.last + 1):
        for i in range(j):
            action = "edges" if j == i + 1 else SKIP
            yield Candidate(action, key((i, j)), partial(_edges, run, (i, j), size))
    yield Candidate("random", "", partial(_anywhere, run, size))


def _edges(run: Run[GrowthState], pair: Pair, size: int) -> ReversibleChange | None:
    """Edges of a block where the loss's gradient is largest."""
    ground = run.method_state.ground
    scores = missing_edge_scores.gradient(run, [pair])
    return block_rewiring.add(ground, block_rewiring.coming(ground.net, scores, size))


def _widen(run: Run[GrowthState], node: int, size: int) -> ReversibleChange:
    """Units that read and feed those where edges past the node have the largest gradients.

    Source: Evci et al. 2022, "GradMax", arXiv 2201.05125, for the gradient past a node, which
    says what units in it could do.
    Differs: units and not a singular basis are chosen, since edges are few.
    """
    pair = (node - 1, node + 1)
    slopes = missing_edge_scores.gradient(run, [pair])[pair].square()
    sources, targets = _largest(slopes.sum(0)), _largest(slopes.sum(1))
    units = max(1, round(size / (len(sources) + len(targets))))
    return operations.add_patch(run.method_state.ground, Patch(pair, sources, targets, units))


def _largest(values: Tensor) -> Tensor:
    return values.argsort(descending=True, stable=True)[:FAN]


def _insert(run: Run[GrowthState], node: int) -> ReversibleChange:
    """A layer behind a node, which copies it."""
    return operations.insert_layer(run.method_state.ground, node)


def _anywhere(run: Run[GrowthState], size: int) -> ReversibleChange | None:
    """Edges that are missing from the blocks there are, every one equally likely: a control."""
    ground = run.method_state.ground
    return block_rewiring.add(
        ground, block_rewiring.anywhere(ground.net, size, run.generators["method"])
    )
