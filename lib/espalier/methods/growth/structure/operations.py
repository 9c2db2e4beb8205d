"""Structural operations on a network of masked blocks, each of which leaves what it computes as is.

Where an operation is exact only under a condition, its docstring says so. Each returns a `Change`:
what was done, with provenance, and the way back. Bad arguments raise ValueError and leave
everything as it was. Indices are int64 and live on the network's device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.layers.masked_blocks import Pair, key
from espalier.layers.masked_linear import MaskedLinear
from espalier.methods.growth.structure.network_editor import NetworkEditor, spread
from espalier.methods.growth.structure.reversible_operations import operation
from espalier.methods.growth.structure.structural_events import Event, Unit


@operation
def add_edges(ground: NetworkEditor, pair: Pair, at: tuple[Tensor, Tensor]) -> Event:
    """New edges of weight 0 at `at`: rows and columns (n,) of a block, made if there is none.

    Exact. Source: Evci et al. 2020, "Rigging the Lottery", arXiv:1911.11134.
    """
    ground.connect(pair, at)
    return Event("add_edges", key(pair))


@operation
def drop_edges(ground: NetworkEditor, pair: Pair, at: tuple[Tensor, Tensor]) -> Event:
    """Drop the edges at `at`: rows and columns (n,). Exact only where their weights are 0."""
    ground.disconnect(pair, at)
    return Event("drop_edges", key(pair))


@dataclass(frozen=True)
class Patch:
    """Which units a patch reads, `sources` (s,) of node i, and which it feeds, `targets` (t,) of j.

    With `hidden` 0 it is a block of direct edges; else so many new units between the two, at the
    node before j, each with an edge from every source and to every target. Of direct edges so many
    are to be `live` afterwards, those that come drawn at random; None: all.
    """

    pair: Pair
    sources: Tensor
    targets: Tensor
    hidden: int = 0
    live: int | None = None


@operation
def add_patch(ground: NetworkEditor, patch: Patch) -> Event:
    """A dense block embedded in the mask, its last layer of weight 0. Exact.

    Direct edges that are there already stay as they are, also if they are more than asked for.
    Raises ValueError for hidden units where no node lies between.

    Source: the earlier code's patched density. Differs: sources and targets are fixed, nothing is
    a module of its own, the last layer is 0 to begin with, and edges are counted.
    """
    i, j = patch.pair
    ground.check_units(i, patch.sources.tolist())
    ground.check_units(j, patch.targets.tolist())
    if patch.hidden:
        if j - i < 2:
            raise ValueError(f"no node for hidden units lies between nodes {i} and {j}")
        return _add_hidden_patch(ground, patch)
    rows, columns = spread(patch.targets, patch.sources)
    new = (~ground.block(patch.pair).mask[rows, columns]).nonzero().flatten()
    if patch.live is not None:
        order = torch.randperm(len(new), generator=ground.generator).to(new.device)
        new = new[order[: max(0, patch.live - (len(rows) - len(new)))]].sort().values
    ground.connect(patch.pair, (rows[new], columns[new]))
    return Event("add_patch", key(patch.pair), parents=_of(patch))


def _add_hidden_patch(ground: NetworkEditor, patch: Patch) -> Event:
    (i, j), node = patch.pair, patch.pair[1] - 1
    units = ground.extend(node, patch.hidden)
    inner = spread(units, patch.sources)
    std = math.sqrt(2 / len(patch.sources))
    ground.connect((i, node), inner, std * _normal(len(inner[0]), ground.generator))
    ground.connect((node, j), spread(patch.targets, units))
    return Event("add_patch", key(patch.pair), _units(node, units), _of(patch))


def _of(patch: Patch) -> tuple[Unit, ...]:
    return _units(patch.pair[0], patch.sources)


@operation
def insert_layer(ground: NetworkEditor, behind: int) -> Event:
    """A new node behind a hidden node, as wide, an edge of weight 1 from each unit to its copy.

    What the chain fed to the next node now comes from the copies; skips stay where they were.
    Exact: values after a ReLU pass another one unchanged. Numbers of later nodes rise by 1.

    Source: Chen, Goodfellow and Shlens 2016, "Net2Net", arXiv:1511.05641.
    """
    ground.check_hidden(behind)
    net = ground.net
    size, like = net.sizes[behind], net.block(behind, behind + 1).weight
    ground.renumber(behind)
    net.sizes.insert(behind + 1, size)
    empty = torch.zeros(size, size, dtype=torch.bool, device=like.device)
    ground.add((behind, behind + 1), MaskedLinear(empty))
    ground.settle()
    units = torch.arange(size, device=like.device)
    ground.connect((behind, behind + 1), (units, units), 1.0)
    new = _units(behind + 1, units)
    return Event("insert_layer", str(behind + 1), new, _units(behind, units))


@operation
def clone(
    ground: NetworkEditor, source: tuple[int, Tensor], targets: Tensor | None = None
) -> Event:
    """Copies, in the next node, of units (n,) of a hidden node: `source` is the node and them.

    A copy has one edge of weight 1 from its source, and edges of weight 0 to `targets` (t,), units
    of the node behind it; None: to all of them. Exact.

    Source: the earlier code's vertical cloning, for the aim. Differs: there a row was overwritten,
    in the same layer, and what the network computed changed.
    """
    node, units = source
    ground.check_hidden(node)
    ground.check_hidden(node + 1)
    ground.check_units(node, units.tolist())
    targets = _all(ground, node + 2) if targets is None else targets
    ground.check_units(node + 2, targets.tolist())
    copies = ground.extend(node + 1, len(units))
    ground.connect((node, node + 1), (copies, units), 1.0)
    ground.connect((node + 1, node + 2), spread(targets, copies))
    return Event("clone", str(node + 1), _units(node + 1, copies), _units(node, units))


@operation
def highway(
    ground: NetworkEditor, source: Unit, dead: Sequence[int], targets: Tensor | None = None
) -> Event:
    """Lead a hidden unit's value ahead through dead units, one in each of the nodes behind it.

    `dead[k]` is a unit of node `source[0] + 1 + k`. It loses all its edges and its bias, and gets
    one edge of weight 1 from the unit before, the last one edges of weight 0 to `targets` (t,),
    units of the next node; None: to all. Exact where the dead units had no effect: their values
    were 0, or their outgoing edges.

    Source: the earlier code's dead-neuron highways, for the aim: there nothing of them ran.
    """
    first, past = source[0] + 1, source[0] + 1 + len(dead)
    for node, unit in [source, *enumerate(dead, first)]:
        ground.check_hidden(node)
        ground.check_units(node, [unit])
    targets = _all(ground, past) if targets is None else targets
    ground.check_units(past, targets.tolist())
    taken = tuple(enumerate(dead, first))
    for each in taken:
        _isolate(ground, each)
    for node, unit in taken:
        previous = source[1] if node == first else dead[node - first - 1]
        ground.connect((node - 1, node), _one(ground, unit, previous), 1.0)
    ground.connect((past - 1, past), spread(targets, _place(ground, dead[-1])))
    return Event("highway", key((source[0], past)), taken, (source,))


def _isolate(ground: NetworkEditor, unit: Unit) -> None:
    """Drop all edges of a unit and its bias."""
    node, place = unit
    for pair, block in ground.net.into(node):
        columns = block.mask[place].nonzero().flatten()
        ground.disconnect(pair, (torch.full_like(columns, place), columns))
    for pair, block in ground.net.out_of(node):
        rows = block.mask[:, place].nonzero().flatten()
        ground.disconnect(pair, (rows, torch.full_like(rows, place)))
    ground.set_biases(node, _place(ground, place), 0.0)


def _one(ground: NetworkEditor, row: int, column: int) -> tuple[Tensor, Tensor]:
    return _place(ground, row), _place(ground, column)


def _place(ground: NetworkEditor, unit: int) -> Tensor:
    return torch.tensor([unit], device=ground.device)


def _all(ground: NetworkEditor, node: int) -> Tensor:
    """All units of a node."""
    return torch.arange(ground.net.sizes[node], device=ground.device)


def _normal(count: int, generator: torch.Generator) -> Tensor:
    return torch.randn(count, generator=generator, device=generator.device)


def _units(node: int, units: Tensor) -> tuple[Unit, ...]:
    return tuple((node, unit) for unit in units.tolist())
