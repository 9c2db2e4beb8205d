"""The actions by which a network can change, each with its place, ready to be done.

All but rewiring leave the logits as they are, and each costs about the same number of edges: those
that add edges exactly that number, those that add units a multiple of the edges of a unit. Where it
is not known which layer leads to which, there are edges, patches and rewiring alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from torch import Tensor

from espalier.core.contracts import Run
from espalier.layers.masked_blocks import Pair
from espalier.methods.growth.placement import block_rewiring, missing_edge_scores
from espalier.methods.growth.placement.feedforward_highways import HighwayBounds, HighwaySearch
from espalier.methods.growth.placement.patching import PatchSearch, PatchSize, fit_to_budget
from espalier.methods.growth.placement.unit_statistics import measure_units
from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.edge_editor import EdgeEditor
from espalier.methods.growth.structure.edge_network import places_of
from espalier.methods.growth.structure.operations import Patch
from espalier.methods.growth.structure.reversible_operations import ReversibleChange
from espalier.methods.growth.timing.growth_state import GrowthState

Act: TypeAlias = Callable[[], ReversibleChange | None]
"""Acts on the run's network; returns None if nothing can be added there."""

SKIP = "skip"
NEED_GRAPH = {
    "basic": ("insert", SKIP, "widen"),
    "all": ("clone", "highway", "insert", SKIP, "widen"),
}
"""The actions of each set that need a network of which it is known what leads to what."""
FAN = 8
"""The most units that a new one reads, and feeds: those where the gradient is largest."""


@dataclass(frozen=True)
class ActionCandidate:
    """An action, such as `widen`, and its place: a node (`2`) or a block (`1_2`)."""

    action: str
    where: str
    act: Act


def candidates(run: Run[GrowthState], size: int) -> Iterator[ActionCandidate]:
    """Yield the basic actions of about `size` edges, in an order that the structure decides."""
    editor = run.method_state.editor
    nodes = _hidden_nodes(editor)
    yield from (ActionCandidate("widen", str(n), partial(_widen, run, n, size)) for n in nodes)
    yield from (ActionCandidate("insert", str(n), partial(_insert, run, n)) for n in nodes)
    for pair in editor.possible_pairs():
        action = "edges" if pair[1] == pair[0] + 1 else SKIP
        yield ActionCandidate(action, editor.name(pair), partial(_add_edges, run, pair, size))
    yield ActionCandidate("random", "", partial(_add_random_edges, run, size))


def toolbox(run: Run[GrowthState], size: int) -> Iterator[ActionCandidate]:
    """Yield the other actions of about `size` edges, likewise."""
    editor = run.method_state.editor
    for pair in editor.net.pairs:
        yield ActionCandidate("patch", editor.name(pair), partial(_add_patch, run, pair, size))
    for n in _hidden_nodes(editor)[:-1]:
        yield ActionCandidate("clone", str(n), partial(_clone, run, n, size))
    if editor.has_graph:
        yield ActionCandidate("highway", "", partial(_build_highways, run, size))
    yield ActionCandidate("rewire", "", partial(_rewire, run, size))


def _hidden_nodes(editor: EdgeEditor) -> Sequence[int]:
    """Return the hidden nodes of a network whose graph is known."""
    return range(1, len(editor.net.sizes) - 1) if editor.has_graph else ()


def _add_edges(run: Run[GrowthState], pair: Pair, size: int) -> ReversibleChange | None:
    """Add the edges of a block with the largest gradient."""
    editor = run.method_state.editor
    scores = missing_edge_scores.score_pairs_by_gradient(run, [pair])
    return block_rewiring.add(editor, block_rewiring.select_top_missing(editor.net, scores, size))


def _widen(run: Run[GrowthState], node: int, size: int) -> ReversibleChange:
    """Add units between those whose edges past the node have the largest gradients.

    Source: Evci et al. 2022, "GradMax", arXiv 2201.05125, for the gradient past a node, which
    bounds what units in it can gain.
    Differs: units and not a singular basis are chosen, since edges are few.
    """
    pair = (node - 1, node + 1)
    squares = missing_edge_scores.score_pairs_by_gradient(run, [pair])[pair].square()
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


def _add_patch(run: Run[GrowthState], pair: Pair, size: int) -> ReversibleChange | None:
    """Add a dense square patch to a block, as `patching.place_by_gradient` would there."""
    state = run.method_state
    places = places_of(state.net.block(*pair).mask.shape[1], state.net.sizes[pair[0]])
    side = max(1, math.isqrt(size // places))
    square = PatchSize(side, side)
    search = PatchSearch(state.net, square, run.generators["method"])
    if pair not in search.open_blocks():
        return None
    stats = measure_units(run)
    targets = search.targets(pair, stats.mean_gradient(pair))
    sources = search.sources(pair, targets, stats.correlation(pair))
    patch, new = fit_to_budget(state.net, search.take(pair, sources, targets), square, size)
    return operations.add_patch(state.editor, patch) if new else None


def _clone(run: Run[GrowthState], node: int, size: int) -> ReversibleChange:
    """Copy the most active units of a node into the next one, to where they gain most."""
    stats, net = measure_units(run), run.method_state.graph.net
    reached = min(FAN, net.sizes[node + 2])
    units = stats.rank_by_activity(node)[: max(1, size // (1 + reached))]
    gains = stats.edge_gradient((node, node + 2))[:, units].sum(1)
    return operations.clone(run.method_state.graph, (node, units), _largest(gains))


def _build_highways(run: Run[GrowthState], size: int) -> ReversibleChange | None:
    """Lead overactive units over dead ones, as far as these allow and there are edges for."""
    graph = run.method_state.graph
    search = HighwaySearch(graph.net, measure_units(run), FAN, ())
    lengths = range(graph.net.last - 1, 0, -1)
    first = None
    for route in search.routes(lengths, HighwayBounds(size, size)):
        change = route.build(graph)
        first = first or change
    return first


def _rewire(run: Run[GrowthState], size: int) -> ReversibleChange | None:
    """Drop the weakest edges that nothing needs, and add as many where the gradient is largest.

    Not exact: what the dropped ones did is lost, and its judge sees that.
    """
    editor = run.method_state.editor
    net = editor.net
    free = block_rewiring.find_droppable(net, editor.necessary_edges(), editor.step, {})
    scores = missing_edge_scores.score_pairs_by_gradient(run, net.pairs)
    count = min(size, block_rewiring.count(free))
    new = block_rewiring.select_top_missing(net, scores, count)
    weakest = block_rewiring.select_weakest(net, free, block_rewiring.count(new))
    change = block_rewiring.drop(editor, weakest)
    block_rewiring.add(editor, new)
    return change
