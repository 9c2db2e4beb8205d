"""Which edges of a network of masked blocks come and which go, chosen over all blocks at once.

A *chain* block leads from a node to the next one; any other is a *skip*. Everything is bool by
block, (outputs, inputs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from espalier.layers.masked_blocks import Blocks, Pair, chain
from espalier.layers.masked_linear import MaskedLinear
from espalier.layers.reachability import reach
from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.network_editor import NetworkEditor, places
from espalier.methods.growth.structure.reversible_operations import ReversibleChange
from espalier.sparse.selection import magnitudes, select_missing, select_smallest

Marked = dict[Pair, Tensor]


def all_pairs(net: Blocks) -> list[Pair]:
    """Every block that there is or could be."""
    return chain(len(net.sizes), len(net.sizes))


def is_skip(pair: Pair) -> bool:
    """Whether a block leads past a node."""
    return pair[1] > pair[0] + 1


def missing(net: Blocks, pair: Pair) -> Tensor:
    """The edges that a block lacks: all, where there is no block."""
    if pair in net.pairs:
        return ~net.block(*pair).mask
    device = next(net.parameters()).device
    return torch.ones(net.sizes[pair[1]], net.sizes[pair[0]], dtype=torch.bool, device=device)


def coming(net: Blocks, scores: Mapping[Pair, Tensor], most: int) -> Marked:
    """The `most` edges with the highest of `scores` that the scored blocks lack; all, if fewer."""
    lacked = {pair: missing(net, pair) for pair in scores}
    most = min(most, count(lacked))
    if most < 1:
        return {}
    room = _flat(lacked)
    return _over(lacked, select_missing(_flat(scores).to(room.device), room, most))


def anywhere(net: Blocks, most: int, generator: torch.Generator) -> Marked:
    """`most` edges that the blocks there are lack, every one equally likely; all, if fewer."""
    lacked = {pair: missing(net, pair) for pair in net.pairs}
    room = _flat(lacked).nonzero().flatten()
    order = torch.randperm(len(room), generator=generator).to(room.device)
    row = torch.zeros_like(_flat(lacked))
    row[room[order[:most]]] = True
    return _over(lacked, row)


def add(ground: NetworkEditor, marked: Mapping[Pair, Tensor]) -> ReversibleChange | None:
    """New edges of weight 0, block by block; the first change, which takes them all back."""
    made = [operations.add_edges(ground, p, places(b)) for p, b in marked.items() if bool(b.any())]
    return made[0] if made else None


def drop(ground: NetworkEditor, marked: Mapping[Pair, Tensor]) -> None:
    """Drop edges, block by block."""
    for pair, block in marked.items():
        if bool(block.any()):
            operations.drop_edges(ground, pair, places(block))


def count(marked: Mapping[Pair, Tensor]) -> int:
    """How many edges are marked."""
    return sum(int(block.sum()) for block in marked.values())


def weakest(net: Blocks, free: Mapping[Pair, Tensor], count: int) -> Marked:
    """The `count` smallest |w| of the edges that are `free` to go, at least as many as that."""
    sizes = {pair: magnitudes(net.block(*pair).weight) for pair in free}
    keys = torch.where(_flat(free), _flat(sizes), torch.inf)
    return _over(free, select_smallest(keys, count))


def free(net: Blocks, before: int, floors: Mapping[Pair, int]) -> Marked:
    """Live edges that may go, all of them together.

    Not those born at step `before` or later, not the strongest `floors` of a block, and none of the
    `skeleton`.
    """
    bones = skeleton(net)
    return {
        pair: block.mask
        & (block.births < before)
        & ~bones[pair]
        & ~_strongest(block, floors.get(pair, 0))
        for pair, block in net.each()
    }


def skeleton(net: Blocks) -> Marked:
    """Live edges that suffice for every output to be reached from an input that now is.

    Followed back from those outputs: of each unit the largest edge from a unit that is reached.
    """
    ahead = reached(net)
    needed = [torch.zeros_like(units) for units in ahead]
    needed[-1] = ahead[-1]
    bones: Marked = {}
    for node in range(net.last, 0, -1):  # whatever needs a unit of a node comes behind it
        into = net.into(node)
        keys = [torch.where(b.mask & ahead[i], magnitudes(b.weight), -1.0) for (i, _), b in into]
        best = torch.cat(keys, 1).argmax(1, keepdim=True)
        kept = torch.zeros_like(torch.cat(keys, 1), dtype=torch.bool).scatter_(1, best, True)
        kept &= needed[node].unsqueeze(1)
        parts = torch.split(kept, [block.inputs for _, block in into], 1)
        for (pair, _), part in zip(into, parts, strict=True):
            bones[pair] = part
            needed[pair[0]] = needed[pair[0]] | part.any(0)
    return bones


def reached(net: Blocks) -> tuple[Tensor, ...]:
    """Which units of each node an input reaches, (units,) bool."""
    return reach(net.masks()).forward


def _strongest(block: MaskedLinear, count: int) -> Tensor:
    keys = torch.where(block.mask, -magnitudes(block.weight), torch.inf)
    return select_smallest(keys, min(count, block.live))


def _flat(blocks: Mapping[Pair, Tensor]) -> Tensor:
    """All of them in one row, in order."""
    return torch.cat([block.flatten() for block in blocks.values()])


def _over(shapes: Mapping[Pair, Tensor], row: Tensor) -> Marked:
    """The inverse of `_flat`, without blocks of which nothing is marked."""
    parts = torch.split(row, [block.numel() for block in shapes.values()])
    whole = zip(shapes.items(), parts, strict=True)
    return {pair: part.view(shape.shape) for (pair, shape), part in whole if bool(part.any())}


def sharing(count: int, share: float, done: Sequence[int]) -> int:
    """How many of `count` new edges are to be skips, so that of all new ones `share` are.

    `done` are the new edges so far and the skips among them.
    """
    wanted = round(share * (done[0] + count)) - done[1]
    return max(0, min(count, wanted))
