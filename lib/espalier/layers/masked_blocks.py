"""A network of masked blocks: layers as the nodes of a graph, blocks of edges between any two.

Node 0 is the input, node L the logits. Node j has the values relu(z_j), node L has z_L, where
z_j is the sum of the outputs of all blocks (i, j), i < j, for node i's values. The block from
a node to the next one is always there and has the bias; the others are forward skips.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.self_measuring import Measures, SelfMeasuring
from espalier.layers.masked_linear import MaskedLinear
from espalier.layers.reachability import measure

Pair = tuple[int, int]
Init = Literal["full", "live"]


@dataclass(frozen=True)
class Trace:
    """One forward pass: `values` a_0 .. a_(L-1) and `sums` z_1 .. z_L, (n, size) each."""

    values: list[Tensor]
    sums: list[Tensor]


class Blocks(SelfMeasuring):
    """A network of blocks `pairs` between nodes of `sizes`: (n, ...) -> (n, sizes[-1]).

    `espalier.methods.growth.structure.operations` change its shape.
    """

    def __init__(self, sizes: Sequence[int], pairs: Sequence[Pair] | None = None) -> None:
        """Make blocks without a live edge; those of the chain, if no `pairs` are given.

        Raises ValueError for a size below 1, a missing block of the chain, or one that leads back.
        """
        super().__init__()
        self.sizes = list(sizes)
        self.blocks = nn.ModuleDict()
        pairs = chain(len(sizes)) if pairs is None else pairs
        _check(self.sizes, pairs)
        for i, j in pairs:
            empty = torch.zeros(sizes[j], sizes[i], dtype=torch.bool)
            self.blocks[key((i, j))] = MaskedLinear(empty, bias=j == i + 1)
        self.arrange()

    @property
    def last(self) -> int:
        """L, the node of the logits."""
        return len(self.sizes) - 1

    def arrange(self) -> None:
        """Put blocks in order, by the node they lead to; called when some have been added."""
        self.pairs = sorted((pair(name) for name in self.blocks), key=lambda p: (p[1], p[0]))
        ordered = {key(p): self.blocks[key(p)] for p in self.pairs}
        self.blocks.clear()
        self.blocks.update(ordered)

    def block(self, i: int, j: int) -> MaskedLinear:
        """Return the block from node i to node j. Raises ValueError if there is none."""
        if (i, j) not in self.pairs:
            blocks = ", ".join(map(key, self.pairs))
            raise ValueError(f"there is no block from node {i} to node {j}; there are {blocks}")
        block = self.blocks[key((i, j))]
        assert isinstance(block, MaskedLinear)
        return block

    def each(self) -> Iterator[tuple[Pair, MaskedLinear]]:
        """Iterate over all blocks with their pairs, in order."""
        return ((p, self.block(*p)) for p in self.pairs)

    def into(self, node: int) -> list[tuple[Pair, MaskedLinear]]:
        """Return the blocks that end at `node`."""
        return [(p, block) for p, block in self.each() if p[1] == node]

    def out_of(self, node: int) -> list[tuple[Pair, MaskedLinear]]:
        """Return the blocks that begin at `node`."""
        return [(p, block) for p, block in self.each() if p[0] == node]

    def masks(self) -> dict[Pair, Tensor]:
        """Return the masks of live edges of each block, (outputs, inputs) bool, not copied."""
        return {p: block.mask for p, block in self.each()}

    def ledger(self) -> dict[Pair, int]:
        """Return the number of live edges of each block."""
        return {p: block.live for p, block in self.each()}

    @property
    def live(self) -> int:
        """Live edges of all blocks; biases are not edges."""
        return sum(self.ledger().values())

    @property
    def density(self) -> float:
        """Live edges over those that the present blocks could have, in [0, 1]."""
        return self.live / sum(block.mask.numel() for _, block in self.each())

    @property
    @override
    def sparsity(self) -> float:
        return 1 - self.density

    @override
    @torch.no_grad()
    def connectivity(self) -> Measures:
        return measure(self.masks(), self.live)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, ...), flattened, to (n, sizes[-1])."""
        return self.trace(x).sums[-1]

    def trace(self, x: Tensor) -> Trace:
        """Return the values and sums of a forward pass, with their graph."""
        values, sums = [x.flatten(1)], list[Tensor]()
        for i, j in self.pairs:  # by j, so all that leads to a node comes before what it leads to
            if 0 < len(sums) < j:  # the node before is complete
                values.append(sums[-1].relu())
            part = self.blocks[key((i, j))](values[i])
            if len(sums) < j:
                sums.append(part)
            else:
                sums[-1] = sums[-1] + part
        return Trace(values, sums)

    @torch.no_grad()
    def draw(self, density: float, init: Init = "full") -> None:
        """Draw round(density * size) live edges of each block, at least 1, and all weights anew.

        From torch's global generator. Weights are normal with the variance 2 over the inputs of a
        node (`init` full) or over the live edges of a unit (live); biases are 0.

        Source: He et al. 2015, "Delving deep into rectifiers", arXiv:1502.01852.
        """
        for _, block in self.each():
            count = edges(density, block.mask.numel())
            chosen = torch.randperm(block.mask.numel(), device=block.mask.device)[:count]
            live = torch.zeros_like(block.mask)
            live.view(-1)[chosen] = True
            block.begin(live)
        for node in range(1, len(self.sizes)):
            self._draw_weights(node, init)

    def _draw_weights(self, node: int, init: Init) -> None:
        blocks = [block for _, block in self.into(node)]
        live = torch.stack([block.mask.sum(1) for block in blocks]).sum(0).clamp_min(1)
        fan_in = live if init == "live" else torch.full_like(live, sum(b.inputs for b in blocks))
        std = (2 / fan_in).sqrt().unsqueeze(1)
        for block in blocks:
            block.weight.copy_(torch.where(block.mask, torch.randn_like(block.weight) * std, 0.0))
            if block.bias is not None:
                block.bias.zero_()

    def structure(self) -> dict[str, Any]:
        """Return plain data from which `of_structure` makes a network for this one's state."""
        return {"sizes": list(self.sizes), "pairs": [list(p) for p in self.pairs]}

    @classmethod
    def of_structure(cls, structure: Mapping[str, Any]) -> Blocks:
        """Make a network with this `structure`, without a live edge."""
        return cls(structure["sizes"], [(i, j) for i, j in structure["pairs"]])

    def assert_masked(self, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Raise AssertionError if anything off a block's mask is not 0 or has a birth step."""
        for _, block in self.each():
            block.assert_masked(optimizer)


def dense_gradients(trace: Trace, loss: Tensor) -> dict[Pair, Tensor]:
    """Return dL/dW (outputs, inputs) of every block that there is or could be, live or not.

    `loss` comes from `trace`; its graph is kept. Source: Evci et al. 2020, arXiv:1911.11134,
    whose growth takes the gradients of all edges of a layer.
    """
    gradients = torch.autograd.grad(loss, trace.sums, retain_graph=True)
    return {
        (i, j): gradients[j - 1].t() @ trace.values[i].detach()
        for j in range(1, len(gradients) + 1)
        for i in range(j)
    }


def edges(density: float, size: int) -> int:
    """Return the live edges of a block of `size` at a density in (0, 1]: at least 1."""
    return max(1, round(density * size))


def chain(nodes: int, reach: int = 1) -> list[Pair]:
    """Return all blocks between `nodes` nodes that lead at most `reach` nodes ahead."""
    return [(i, j) for j in range(1, nodes) for i in range(max(0, j - reach), j)]


def key(block: Pair) -> str:
    """Return the name of a block, as in a state dict."""
    return f"{block[0]}_{block[1]}"


def pair(name: str) -> Pair:
    """Return the block of a name made by `key`."""
    i, j = map(int, name.split("_"))
    return i, j


def _check(sizes: Sequence[int], pairs: Sequence[Pair]) -> None:
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"two sizes or more, each 1 or more, must hold, but sizes={list(sizes)}")
    wrong = [p for p in pairs if not 0 <= p[0] < p[1] < len(sizes)]
    missing = set(chain(len(sizes))) - set(pairs)
    if wrong or missing or len(set(pairs)) < len(pairs):
        raise ValueError(
            f"pairs must lead forward, once each, and hold the chain of {len(sizes)} nodes, but "
            f"pairs={list(pairs)}"
        )
