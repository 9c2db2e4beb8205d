"""Units that cannot matter whatever they are trained to: no path of live edges goes through them.

A network is a graph whose nodes are layers of units: node 0 is the input, the last the output, and
a block of live edges leads from node i to node j > i. A unit on no path from an input to an output
is *structurally dead*: its edges are spent for nothing. (A bias may still make it fire.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from espalier.surgery.pairs import Pair

Block: TypeAlias = tuple[int, int]
Live: TypeAlias = Mapping[Block, Tensor]
"""Blocks by where they lead from and to: (units of j, units of i), not 0 where an edge is live."""


@dataclass(frozen=True)
class Reach:
    """Which units the input reaches and which reach the output, by node: (units,) bool."""

    forward: tuple[Tensor, ...]
    backward: tuple[Tensor, ...]

    @property
    def on_path(self) -> tuple[Tensor, ...]:
        """Units on a path from an input to an output."""
        return tuple(a & b for a, b in zip(self.forward, self.backward, strict=True))

    @property
    def dead(self) -> tuple[Tensor, ...]:
        """Units on no such path."""
        return tuple(~here for here in self.on_path)


def reach(live: Live) -> Reach:
    """Follow the live edges from the inputs, and back from the outputs.

    Raises ValueError if the blocks do not go forward or disagree about the units of a node.
    """
    sizes = _sizes(live)
    device = next(iter(live.values())).device
    ahead = [torch.zeros(size, dtype=torch.bool, device=device) for size in sizes]
    back = [torch.zeros(size, dtype=torch.bool, device=device) for size in sizes]
    ahead[0].fill_(True)
    back[-1].fill_(True)
    for i, j in sorted(live):
        ahead[j] |= (live[i, j] != 0)[:, ahead[i]].any(1)
    for i, j in sorted(live, reverse=True):
        back[i] |= (live[i, j] != 0)[back[j]].any(0)
    return Reach(tuple(ahead), tuple(back))


def useful(live: Live) -> int:
    """How many live edges lie on a path from an input to an output."""
    here = reach(live)
    return sum(
        int((block != 0)[here.backward[j]][:, here.forward[i]].sum())
        for (i, j), block in live.items()
    )


def _sizes(live: Live) -> list[int]:
    """The number of units of each node."""
    if not live or any(i >= j or i < 0 for i, j in live):
        raise ValueError(f"blocks {sorted(live)}: there must be some, and each must go forward")
    nodes = max(j for _, j in live) + 1
    found: dict[int, set[int]] = {node: set() for node in range(nodes)}
    for (i, j), block in live.items():
        found[i].add(block.shape[1])
        found[j].add(block.shape[0])
    for node, sizes in found.items():
        if len(sizes) != 1:
            raise ValueError(f"node {node} has one number of units, but blocks say {sorted(sizes)}")
    return [sizes.pop() for _, sizes in sorted(found.items())]


def chains(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """Maximal runs of pairs in which each one's consumer is the next one's producer."""
    following = {id(pair.producer): pair for pair in pairs}
    inner = {id(pair.consumer) for pair in pairs}
    for first in (pair for pair in pairs if id(pair.producer) not in inner):
        chain = [first]
        while (after := following.get(id(chain[-1].consumer))) is not None:
            chain.append(after)
        yield chain


def of_chain(chain: Sequence[Pair], keep: Mapping[Tensor, Tensor]) -> dict[Block, Tensor]:
    """The blocks of a chain of pairs.

    `keep` maps a masked weight to a tensor of its shape, 0 where it is pruned; a weight that is
    not in it is dense.
    """
    layers = [chain[0].producer, *(pair.consumer for pair in chain)]
    widths = [1, *(pair.per for pair in chain)]
    return {
        (i, i + 1): _by_unit(keep.get(layer.weight, torch.ones_like(layer.weight)), per)
        for i, (layer, per) in enumerate(zip(layers, widths, strict=True))
    }


def _by_unit(mask: Tensor, per: int) -> Tensor:
    """A layer's mask as (outputs, units): whether any edge is live between the two."""
    return (mask != 0).reshape(mask.shape[0], mask.shape[1] // per, -1).any(2)
