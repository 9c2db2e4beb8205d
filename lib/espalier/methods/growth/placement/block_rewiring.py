"""Selection of edges to add and to drop in a network with edges, over all blocks at once.

A *chain* block leads from a node to the next one; any other is a *skip*. Selections are masks by
block, (outputs, columns) bool.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from espalier.layers.masked_blocks import Pair
from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.edge_editor import EdgeEditor, mask_indices
from espalier.methods.growth.structure.edge_network import At, EdgeBlock, EdgeNetwork, matrix_shape
from espalier.methods.growth.structure.reversible_operations import ReversibleChange
from espalier.sparse.selection import magnitudes, select_missing, select_smallest

EdgeMasks = dict[Pair, Tensor]


def is_skip(pair: Pair) -> bool:
    """Return whether a block leads past a node."""
    return pair[1] > pair[0] + 1


def missing_edges(net: EdgeNetwork, pair: Pair) -> Tensor:
    """Return the edges that a block lacks: all, where there is no block."""
    if pair in net.pairs:
        return ~net.block(*pair).mask
    device = next(net.parameters()).device
    return torch.ones(matrix_shape(net, pair), dtype=torch.bool, device=device)


def select_top_missing(
    net: EdgeNetwork, scores: Mapping[Pair, Tensor], max_edges: int
) -> EdgeMasks:
    """Select up to `max_edges` edges that the scored blocks lack, with the highest `scores`."""
    missing = {pair: missing_edges(net, pair) for pair in scores}
    max_edges = min(max_edges, count(missing))
    if max_edges < 1:
        return {}
    row = _flatten(missing)
    return _unflatten(missing, select_missing(_flatten(scores).to(row.device), row, max_edges))


def select_random_missing(
    net: EdgeNetwork, max_edges: int, generator: torch.Generator
) -> EdgeMasks:
    """Select up to `max_edges` edges that the present blocks lack, every one equally likely."""
    missing = {pair: missing_edges(net, pair) for pair in net.pairs}
    places = _flatten(missing).nonzero().flatten()
    order = torch.randperm(len(places), generator=generator).to(places.device)
    row = torch.zeros_like(_flatten(missing))
    row[places[order[:max_edges]]] = True
    return _unflatten(missing, row)


def add(editor: EdgeEditor, masks: Mapping[Pair, Tensor]) -> ReversibleChange | None:
    """Add edges of weight 0, block by block; return the first change, which rolls all of them back.

    None if no edge is selected.
    """
    return _by_block(operations.add_edges, editor, masks)


def drop(editor: EdgeEditor, masks: Mapping[Pair, Tensor]) -> ReversibleChange | None:
    """Drop edges, block by block; return what `add` does."""
    return _by_block(operations.drop_edges, editor, masks)


def _by_block(
    operation: Callable[[EdgeEditor, Pair, At], ReversibleChange],
    editor: EdgeEditor,
    masks: Mapping[Pair, Tensor],
) -> ReversibleChange | None:
    first = None  # the others are let go, as each may hold a copy of the network
    for pair, mask in masks.items():
        if bool(mask.any()):
            change = operation(editor, pair, mask_indices(mask))
            first = first or change
    return first


def count(masks: Mapping[Pair, Tensor]) -> int:
    """Return the number of edges in all masks."""
    return sum(int(mask.sum()) for mask in masks.values())


def select_weakest(net: EdgeNetwork, droppable: Mapping[Pair, Tensor], count: int) -> EdgeMasks:
    """Select the `count` smallest |w| of the `droppable` edges, of which there are as many."""
    sizes = {pair: magnitudes(net.block(*pair).weight) for pair in droppable}
    keys = torch.where(_flatten(droppable), _flatten(sizes), torch.inf)
    return _unflatten(droppable, select_smallest(keys, count))


def find_droppable(
    net: EdgeNetwork, necessary: EdgeMasks, before: int, floors: Mapping[Pair, int]
) -> EdgeMasks:
    """Return the live edges that may all be dropped together.

    They are born before step `before`, are not among the strongest `floors` of a block, and not
    `necessary`.
    """
    return {
        pair: block.mask
        & (block.births < before)
        & ~necessary[pair]
        & ~_strongest(block, floors.get(pair, 0))
        for pair, block in net.each()
    }


def _strongest(block: EdgeBlock, count: int) -> Tensor:
    keys = torch.where(block.mask, -magnitudes(block.weight), torch.inf)
    return select_smallest(keys, min(count, block.live))


def _flatten(blocks: Mapping[Pair, Tensor]) -> Tensor:
    """Concatenate all blocks in one row, in order."""
    return torch.cat([block.flatten() for block in blocks.values()])


def _unflatten(shapes: Mapping[Pair, Tensor], row: Tensor) -> EdgeMasks:
    """Split a row into the blocks of `_flatten`, without those that have no edge in it."""
    parts = torch.split(row, [block.numel() for block in shapes.values()])
    whole = zip(shapes.items(), parts, strict=True)
    return {pair: part.view(shape.shape) for (pair, shape), part in whole if bool(part.any())}


def skip_quota(count: int, share: float, done: Sequence[int]) -> int:
    """Return how many of `count` new edges must be skips for a `share` of skips among all new ones.

    `done`: the new edges so far, and the skips among them.
    """
    return max(0, min(count, round(share * (done[0] + count)) - done[1]))
