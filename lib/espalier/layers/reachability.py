"""Reachability: the units that a path of live edges leads through, from an input to an output.

A network is a graph whose nodes are layers of units: node 0 is the input, the last the output, and
a block of live edges leads from node i to node j > i. A unit on no path from an input to an output
is *structurally dead*: its edges are wasted. (A bias may still make it fire.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from espalier.core.self_measuring import Measures

Block: TypeAlias = tuple[int, int]
Live: TypeAlias = Mapping[Block, Tensor]
"""Blocks by the nodes (i, j) they join: (units of j, units of i), not 0 where an edge is live."""


@dataclass(frozen=True)
class Reachability:
    """The units that the input reaches and those that reach the output, by node: (units,) bool."""

    forward: tuple[Tensor, ...]
    backward: tuple[Tensor, ...]

    @property
    def on_path(self) -> tuple[Tensor, ...]:
        """Units on a path from an input to an output."""
        return tuple(a & b for a, b in zip(self.forward, self.backward, strict=True))

    @property
    def dead(self) -> tuple[Tensor, ...]:
        """Units on no such path."""
        return tuple(~units for units in self.on_path)


def reach(live: Live) -> Reachability:
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
    return Reachability(tuple(ahead), tuple(back))


def count_useful(live: Live) -> int:
    """Return the number of live edges on a path from an input to an output."""
    units = reach(live)
    return sum(
        int((block != 0)[units.backward[j]][:, units.forward[i]].sum())
        for (i, j), block in live.items()
    )


def _sizes(live: Live) -> list[int]:
    """Return the number of units of each node."""
    if not live or any(i >= j or i < 0 for i, j in live):
        raise ValueError(f"blocks {sorted(live)}: there must be some, and each must go forward")
    nodes = max(j for _, j in live) + 1
    sizes: list[set[int]] = [set() for _ in range(nodes)]
    for (i, j), block in live.items():
        sizes[i].add(block.shape[1])
        sizes[j].add(block.shape[0])
    for node, size in enumerate(sizes):
        if len(size) != 1:
            raise ValueError(f"node {node} has one number of units, but blocks say {sorted(size)}")
    return [size.pop() for size in sizes]


def measure(live: Live, edges: int) -> Measures:
    """Return the measures of a network of `edges` weights between units.

    `live_edges`; their mean number into a unit (`fan_in`) and out of one (`fan_out`); the shares,
    in [0, 1], of inputs, hidden units and outputs that are on a path from an input to an output,
    (`reachable_inputs`, `units_on_path`, `reachable_outputs`), and of edges between units that are
    (`useful_edges`). No hidden layer, no measure of hidden units.
    """
    first, *hidden, last = reach(live).on_path
    inner = sum(map(len, hidden))
    between = sum(int((block != 0).sum()) for block in live.values())
    measures = {
        "live_edges": edges,
        "fan_in": edges / (inner + len(last)),
        "fan_out": edges / (len(first) + inner),
        "reachable_inputs": _share(first),
        "reachable_outputs": _share(last),
        "useful_edges": count_useful(live) / between if between else 0.0,
    }
    return measures | ({"units_on_path": _share(torch.cat(hidden))} if hidden else {})


def _share(units: Tensor) -> float:
    return float(units.sum()) / len(units)
