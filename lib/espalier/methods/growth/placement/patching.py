"""Patches: which units are joined by small dense blocks, and how far a budget of edges goes.

Source: the earlier code's patched density: dense patches at units that stand out.
Differs: a patch is a fixed set of sources and a fixed set of targets, its last layer begins at 0,
no target is taken twice before every other one was, units are ranked by how far they stand out
and not by their index, and what is counted are edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from espalier.layers.masked_blocks import Blocks, Pair
from espalier.methods.growth.placement.unit_statistics import UnitStatistics
from espalier.methods.growth.structure.operations import Patch


@dataclass(frozen=True)
class PatchSize:
    """How many units a patch reads and feeds, how many it has of its own, and how dense it is.

    With `hidden` 0 it consists of direct edges, of which the share `density` is to be there.
    """

    sources: int = 8
    targets: int = 4
    hidden: int = 0
    density: float = 1.0


class PatchSearch:
    """Where the next patch of one moment may lie: each edge, or pair of units, is taken once.

    Direct patches lie in the blocks that there are, patches with units of their own lead two
    nodes ahead. `sizes` are those of the nodes at the moment's beginning.
    """

    def __init__(self, net: Blocks, size: PatchSize, generator: torch.Generator) -> None:
        self.sizes, self.size, self.generator = tuple(net.sizes), size, generator
        self.free = {pair: _free(net, pair, size) for pair in _pairs(net, size)}
        self._fresh = {j: self._all(j) for _, j in self.free}  # targets, of this round

    @property
    def reach(self) -> int:
        """How many nodes ahead a patch leads at least."""
        return 2 if self.size.hidden else 1

    def targets(self, pair: Pair, scores: Tensor) -> Tensor:
        """The free targets of a block with the highest `scores` (outputs,), each once a round."""
        j = pair[1]
        free = self.free[pair].any(1)
        if not bool((free & self._fresh[j]).any()):
            self._fresh[j] = self._all(j)
        return _highest(scores, free & self._fresh[j], self.size.targets)

    def sources(self, pair: Pair, targets: Tensor, scores: Tensor) -> Tensor:
        """The sources with the highest sum of `scores` (outputs, inputs) over what is free."""
        free = self.free[pair][targets]
        return _highest((scores[targets] * free).sum(0), free.any(0), self.size.sources)

    def take(self, pair: Pair, sources: Tensor, targets: Tensor) -> Patch:
        """A patch there; nothing of it is free from now on."""
        self.free[pair][targets.unsqueeze(1), sources] = False
        self._fresh[pair[1]][targets] = False
        return Patch(pair, sources, targets, self.size.hidden)

    def open(self) -> list[Pair]:
        """The blocks with something free."""
        return [pair for pair, free in self.free.items() if bool(free.any())]

    def random(self, pair: Pair) -> Tensor:
        """(outputs, inputs), uniform in [0, 1)."""
        outputs, inputs = self.free[pair].shape
        drawn = torch.rand(outputs, inputs, generator=self.generator)
        return drawn.to(self.free[pair].device)

    def _all(self, node: int) -> Tensor:
        device = next(iter(self.free.values())).device
        return torch.ones(self.sizes[node], dtype=torch.bool, device=device)


def by_gradient(search: PatchSearch, view: UnitStatistics) -> Iterator[Patch]:
    """Targets by E|dL/dz|, sources by |corr(a, dL/dz)|; in the block where edges gain most."""
    wanted = {pair: view.wanted(pair[1]) for pair in search.free}
    gains = {pair: view.gain(pair) for pair in search.free}
    agreements = {pair: view.agreement(pair) for pair in search.free}
    while blocks := search.open():
        places = {}
        for pair in blocks:
            targets = search.targets(pair, wanted[pair])
            places[pair] = search.sources(pair, targets, agreements[pair]), targets
        pair = max(blocks, key=lambda each: _mean(gains[each], search.free[each], *places[each]))
        yield search.take(pair, *places[pair])


def at_random(search: PatchSearch, view: UnitStatistics) -> Iterator[Patch]:
    """Any units, the block by how many targets it has."""
    while blocks := search.open():
        sizes = torch.tensor([float(search.sizes[j]) for _, j in blocks])
        pair = blocks[int(torch.multinomial(sizes, 1, generator=search.generator))]
        targets = search.targets(pair, search.random(pair)[:, 0])
        yield search.take(pair, search.sources(pair, targets, search.random(pair)), targets)


def at_extrema(search: PatchSearch, view: UnitStatistics) -> Iterator[Patch]:
    """Into units that hardly fire and out of those that stand out above, the worst ones first.

    Those flagged as extrema come first, then what is nearest to them. What feeds the first kind
    are sources whose values vary most; what the second kind feeds are targets by E|dL/dz|.
    """
    groups = _groups(search, view)
    found = True
    while found:
        found = False
        for side, node, units in groups:
            for patch in _SIDES[side](search, view, (node, units)):
                found = True
                yield patch


def _groups(search: PatchSearch, view: UnitStatistics) -> list[tuple[str, int, Tensor]]:
    """Groups of units of hidden nodes: below or above, node, units (n,)."""
    found: list[tuple[float, int, str, int, Tensor]] = []
    for node in range(1, len(search.sizes) - 1):
        extrema = view.extrema(node)
        above = extrema.hot | extrema.saturated
        sides = (
            ("below", view.lowest(node), extrema.dead, search.size.targets),
            ("above", view.highest(node), above, search.size.sources),
        )
        for side, ranked, flagged, count in sides:
            for rank, units in enumerate(torch.split(ranked, count)):
                found.append((-float(flagged[units].float().mean()), rank, side, node, units))
    found.sort(key=lambda each: each[:2])
    return [(side, node, units) for _, _, side, node, units in found]


def _into(search: PatchSearch, view: UnitStatistics, group: tuple[int, Tensor]) -> Iterator[Patch]:
    node, units = group
    pair = (node - search.reach, node)
    if pair in search.free:
        free = search.free[pair][units].any(1)
        if bool(free.any()):
            spread = view.spread(pair[0]).expand(search.sizes[node], -1)
            yield search.take(pair, search.sources(pair, units[free], spread), units[free])


def _out_of(
    search: PatchSearch, view: UnitStatistics, group: tuple[int, Tensor]
) -> Iterator[Patch]:
    node, units = group
    pair = (node, node + search.reach)
    if pair in search.free:
        free = search.free[pair][:, units].any(0)
        if bool(free.any()):
            open_ = search.free[pair][:, units].any(1)
            targets = _highest(view.wanted(pair[1]), open_, search.size.targets)
            yield search.take(pair, units[free], targets)


_SIDES = {"below": _into, "above": _out_of}

RULES: Mapping[str, Callable[[PatchSearch, UnitStatistics], Iterator[Patch]]] = {
    "extrema": at_extrema,
    "gradient": by_gradient,
    "random": at_random,
}
"""By name."""


def fitted(net: Blocks, patch: Patch, size: PatchSize, most: int) -> tuple[Patch, int]:
    """A patch that adds `most` edges at most, and how many it adds; 0: none fits."""
    if patch.hidden:
        return _fitted_hidden(patch, most)
    region = net.block(*patch.pair).mask[patch.targets.unsqueeze(1), patch.sources]
    there = int(region.sum())
    new = min(most, max(0, round(size.density * region.numel()) - there))
    return replace(patch, live=there + new), new


def _fitted_hidden(patch: Patch, most: int) -> tuple[Patch, int]:
    """Fewer units, or if not even one fits, one with fewer sources and targets."""
    edges = len(patch.sources) + len(patch.targets)
    if most < 2:
        return patch, 0
    if most >= edges:
        units = min(patch.hidden, most // edges)
        return replace(patch, hidden=units), units * edges
    targets = min(max(1, most * len(patch.targets) // edges), most - 1)
    sources = min(most - targets, len(patch.sources))
    cut = replace(patch, sources=patch.sources[:sources], targets=patch.targets[:targets], hidden=1)
    return cut, sources + targets


def _pairs(net: Blocks, size: PatchSize) -> list[Pair]:
    return [(j - 2, j) for j in range(2, net.last + 1)] if size.hidden else list(net.pairs)


def _free(net: Blocks, pair: Pair, size: PatchSize) -> Tensor:
    i, j = pair
    if size.hidden:
        device = next(net.parameters()).device
        return torch.ones(net.sizes[j], net.sizes[i], dtype=torch.bool, device=device)
    return ~net.block(i, j).mask


def _highest(scores: Tensor, among: Tensor, most: int) -> Tensor:
    """(n,) places `among` (bool) `scores` (size,), at most so many, the highest first."""
    places = among.nonzero().flatten()
    order = scores[places].argsort(descending=True, stable=True)
    return places[order[:most]]


def _mean(gains: Tensor, free: Tensor, sources: Tensor, targets: Tensor) -> float:
    """What a free edge of a patch gains, on average."""
    at = targets.unsqueeze(1), sources
    return float(gains[at][free[at]].mean())
