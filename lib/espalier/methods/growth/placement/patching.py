"""Placement of patches: small dense blocks between chosen units, within a budget of edges.

Source: the earlier code's patched density: dense patches at extreme units.
Differs: a patch is a fixed set of sources and a fixed set of targets, its last layer begins at 0,
no target is taken twice before every other one was, units are ranked by how extreme they are
and not by their index, and the budget counts edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from espalier.layers.masked_blocks import Pair
from espalier.methods.growth.placement.unit_statistics import UnitStatistics
from espalier.methods.growth.structure.edge_network import (
    EdgeNetwork,
    by_unit,
    columns_of,
    places_of,
)
from espalier.methods.growth.structure.operations import Patch


@dataclass(frozen=True)
class PatchSize:
    """The source, target and own hidden units of a patch, and its density.

    With `hidden` 0 it consists of direct edges, of which the share `density` is live.
    """

    sources: int = 8
    targets: int = 4
    hidden: int = 0
    density: float = 1.0


class PatchSearch:
    """The free places for patches at an event: each edge, or pair of units, is taken once.

    Direct patches lie in the present blocks, patches with units of their own lead two nodes ahead.
    `sizes` are those of the nodes before the event.
    """

    def __init__(self, net: EdgeNetwork, size: PatchSize, generator: torch.Generator) -> None:
        self.sizes, self.size, self.generator = tuple(net.sizes), size, generator
        self.free = {pair: _free(net, pair, size) for pair in _pairs(net, size)}
        self._fresh = {j: self._all(j) for _, j in self.free}  # targets not taken in this round

    @property
    def reach(self) -> int:
        """Nodes that a patch leads ahead, at least."""
        return 2 if self.size.hidden else 1

    def targets(self, pair: Pair, scores: Tensor) -> Tensor:
        """Return a block's free targets with the highest `scores` (outputs,), each once a round."""
        j = pair[1]
        free = self.free[pair].any(1)
        if not bool((free & self._fresh[j]).any()):
            self._fresh[j] = self._all(j)
        return _highest(scores, free & self._fresh[j], self.size.targets)

    def sources(self, pair: Pair, targets: Tensor, scores: Tensor) -> Tensor:
        """Return the sources with the highest sum of `scores` (outputs, inputs) of free edges."""
        free = self.free[pair][targets]
        return _highest((scores[targets] * free).sum(0), free.any(0), self.size.sources)

    def take(self, pair: Pair, sources: Tensor, targets: Tensor) -> Patch:
        """Return a patch and mark all of it as taken."""
        self.free[pair][targets.unsqueeze(1), sources] = False
        self._fresh[pair[1]][targets] = False
        return Patch(pair, sources, targets, self.size.hidden)

    def open_blocks(self) -> list[Pair]:
        """Return the blocks with a free edge."""
        return [pair for pair, free in self.free.items() if bool(free.any())]

    def random_scores(self, pair: Pair) -> Tensor:
        """Draw scores of a block's edges, uniform in [0, 1): (outputs, inputs)."""
        free = self.free[pair]
        return torch.rand(free.shape, generator=self.generator).to(free.device)

    def _all(self, node: int) -> Tensor:
        device = next(iter(self.free.values())).device
        return torch.ones(self.sizes[node], dtype=torch.bool, device=device)


def place_by_gradient(search: PatchSearch, stats: UnitStatistics) -> Iterator[Patch]:
    """Yield patches to targets by E|dL/dz| from sources by |corr(a, dL/dz)|.

    Each lies in the block where the mean |dL/dw| of its free edges is largest.
    """
    target_scores = {pair: stats.mean_gradient(pair) for pair in search.free}
    gains = {pair: stats.edge_gradient(pair) for pair in search.free}
    correlations = {pair: stats.correlation(pair) for pair in search.free}
    while blocks := search.open_blocks():
        places = {}
        for pair in blocks:
            targets = search.targets(pair, target_scores[pair])
            places[pair] = search.sources(pair, targets, correlations[pair]), targets
        pair = max(blocks, key=lambda each: _mean(gains[each], search.free[each], *places[each]))
        yield search.take(pair, *places[pair])


def place_at_random(search: PatchSearch, stats: UnitStatistics) -> Iterator[Patch]:
    """Yield patches between random units, each block in proportion to its number of targets."""
    while blocks := search.open_blocks():
        sizes = torch.tensor([float(search.sizes[j]) for _, j in blocks])
        pair = blocks[int(torch.multinomial(sizes, 1, generator=search.generator))]
        targets = search.targets(pair, search.random_scores(pair)[:, 0])
        yield search.take(pair, search.sources(pair, targets, search.random_scores(pair)), targets)


def place_at_extrema(search: PatchSearch, stats: UnitStatistics) -> Iterator[Patch]:
    """Yield patches into units that hardly fire and out of overactive ones, the worst first.

    Units flagged as extrema come first, then those nearest to them. Units that hardly fire are fed
    by the sources whose values vary most; overactive units feed targets by E|dL/dz|.
    """
    groups = _groups(search, stats)
    progress = True
    while progress:
        progress = False
        for side, node, units in groups:
            for patch in _SIDES[side](search, stats, (node, units)):
                progress = True
                yield patch


def _groups(search: PatchSearch, stats: UnitStatistics) -> list[tuple[str, int, Tensor]]:
    """Return groups of units of hidden nodes: below or above, node, units (n,)."""
    groups: list[tuple[float, int, str, int, Tensor]] = []
    for node in stats.hidden:
        extrema = stats.extrema(node)
        above = extrema.hot | extrema.saturated
        sides = (
            ("below", stats.rank_by_inactivity(node), extrema.dead, search.size.targets),
            ("above", stats.rank_by_activity(node), above, search.size.sources),
        )
        for side, ranked, flagged, count in sides:
            for rank, units in enumerate(torch.split(ranked, count)):
                groups.append((-float(flagged[units].float().mean()), rank, side, node, units))
    groups.sort(key=lambda group: group[:2])
    return [(side, node, units) for _, _, side, node, units in groups]


def _into(search: PatchSearch, stats: UnitStatistics, group: tuple[int, Tensor]) -> Iterator[Patch]:
    node, units = group
    pair = (node - search.reach, node)
    if pair in search.free:
        free = search.free[pair][units].any(1)
        if bool(free.any()):
            scores = stats.deviation(pair).expand(search.sizes[node], -1)
            yield search.take(pair, search.sources(pair, units[free], scores), units[free])


def _out_of(
    search: PatchSearch, stats: UnitStatistics, group: tuple[int, Tensor]
) -> Iterator[Patch]:
    node, units = group
    pair = (node, node + search.reach)
    if pair in search.free:
        free = search.free[pair][:, units].any(0)
        if bool(free.any()):
            open_ = search.free[pair][:, units].any(1)
            targets = _highest(stats.mean_gradient(pair), open_, search.size.targets)
            yield search.take(pair, units[free], targets)


_SIDES = {"below": _into, "above": _out_of}

PLACEMENTS: Mapping[str, Callable[[PatchSearch, UnitStatistics], Iterator[Patch]]] = {
    "extrema": place_at_extrema,
    "gradient": place_by_gradient,
    "random": place_at_random,
}


def fit_to_budget(
    net: EdgeNetwork, patch: Patch, size: PatchSize, max_edges: int
) -> tuple[Patch, int]:
    """Return a patch that adds at most `max_edges` edges, and how many it adds; 0: none fits."""
    if patch.hidden:
        return _fit_hidden(patch, max_edges)
    mask = net.block(*patch.pair).mask
    columns = columns_of(patch.sources, places_of(mask.shape[1], net.sizes[patch.pair[0]]))
    region = mask[patch.targets.unsqueeze(1), columns]
    live = int(region.sum())
    new = min(max_edges, max(0, round(size.density * region.numel()) - live))
    return replace(patch, live=live + new), new


def _fit_hidden(patch: Patch, max_edges: int) -> tuple[Patch, int]:
    """Take fewer units, or if not even one fits, one with fewer sources and targets."""
    edges = len(patch.sources) + len(patch.targets)
    if max_edges < 2:
        return patch, 0
    if max_edges >= edges:
        units = min(patch.hidden, max_edges // edges)
        return replace(patch, hidden=units), units * edges
    targets = min(max(1, max_edges * len(patch.targets) // edges), max_edges - 1)
    sources = min(max_edges - targets, len(patch.sources))
    cut = replace(patch, sources=patch.sources[:sources], targets=patch.targets[:targets], hidden=1)
    return cut, sources + targets


def _pairs(net: EdgeNetwork, size: PatchSize) -> list[Pair]:
    return [(j - 2, j) for j in range(2, len(net.sizes))] if size.hidden else list(net.pairs)


def _free(net: EdgeNetwork, pair: Pair, size: PatchSize) -> Tensor:
    i, j = pair
    if size.hidden:
        device = next(net.parameters()).device
        return torch.ones(net.sizes[j], net.sizes[i], dtype=torch.bool, device=device)
    return by_unit(~net.block(i, j).mask, net.sizes[i]).any(2)


def _highest(scores: Tensor, among: Tensor, count: int) -> Tensor:
    """Return up to `count` places `among` (bool) `scores` (size,), the highest first: (n,)."""
    places = among.nonzero().flatten()
    order = scores[places].argsort(descending=True, stable=True)
    return places[order[:count]]


def _mean(gains: Tensor, free: Tensor, sources: Tensor, targets: Tensor) -> float:
    """Return the mean of `gains` (outputs, inputs) over the free edges of a patch."""
    at = targets.unsqueeze(1), sources
    return float(gains[at][free[at]].mean())
