"""The edges of a network of masked blocks that keep its outputs reachable."""

from __future__ import annotations

import torch
from torch import Tensor

from espalier.layers.masked_blocks import Blocks, Pair
from espalier.layers.reachability import reach
from espalier.sparse.selection import magnitudes


def skeleton(net: Blocks) -> dict[Pair, Tensor]:
    """Return live edges that suffice for every output that is reachable now to stay reachable.

    Followed back from those outputs: of each unit the largest edge from a reachable unit.
    """
    ahead = reachable_units(net)
    needed = [torch.zeros_like(units) for units in ahead]
    needed[-1] = ahead[-1]
    bones: dict[Pair, Tensor] = {}
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


def reachable_units(net: Blocks) -> tuple[Tensor, ...]:
    """Return which units of each node an input reaches, (units,) bool."""
    return reach(net.masks()).forward
