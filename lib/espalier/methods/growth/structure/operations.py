"""Function-preserving operations: on edges of any network, on units and layers of masked blocks.

Where an operation is exact only under a condition, its docstring says so. Each returns a
`ReversibleChange`: its event, and the way back. Bad arguments raise ValueError and leave
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
from espalier.methods.growth.structure.edge_editor import EdgeEditor, cross, mask_indices
from espalier.methods.growth.structure.edge_network import columns_of, places_of
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.structure.reversible_operations import operation
from espalier.methods.growth.structure.structural_events import Event, Unit


@operation
def add_edges(editor: EdgeEditor, pair: Pair, at: tuple[Tensor, Tensor]) -> Event:
    """Add edges of weight 0 at `at`: rows and columns (n,) of a block, made if there is none.

    Exact. Source: Evci et al. 2020, "Rigging the Lottery", arXiv:1911.11134.
    """
    editor.connect(pair, at)
    return Event("add_edges", editor.name(pair))


@operation
def drop_edges(editor: EdgeEditor, pair: Pair, at: tuple[Tensor, Tensor]) -> Event:
    """Drop the edges at `at`: rows and columns (n,). Exact only where their weights are 0."""
    editor.disconnect(pair, at)
    return Event("drop_edges", editor.name(pair))


@dataclass(frozen=True)
class Patch:
    """A dense patch from `sources` (s,), units of node i, to `targets` (t,), units of node j.

    With `hidden` 0 it is a block of direct edges, of a convolution whole kernels; else that many
    new units between the two, at the node before j, each with an edge from every source and to
    every target. `live` of the direct edges are live afterwards, the new ones drawn at random;
    None: all.
    """

    pair: Pair
    sources: Tensor
    targets: Tensor
    hidden: int = 0
    live: int | None = None


@operation
def add_patch(editor: EdgeEditor, patch: Patch) -> Event:
    """Add a dense patch, its last layer of weight 0. Exact.

    Direct edges that are live already stay as they are, also if they are more than `live`.
    Raises ValueError for hidden units where no node lies between.

    Source: the earlier code's patched density. Differs: sources and targets are fixed, nothing is
    a module of its own, the last layer begins at 0, and edges are counted.
    """
    i, j = patch.pair
    editor.check_units(i, patch.sources.tolist())
    editor.check_units(j, patch.targets.tolist())
    if patch.hidden:
        if j - i < 2 or not isinstance(editor, NetworkEditor):
            raise ValueError(f"no node for hidden units lies between nodes {i} and {j}")
        return _add_hidden_patch(editor, patch)
    mask = editor.block(patch.pair).mask
    places = places_of(mask.shape[1], editor.net.sizes[i])
    rows, columns = cross(patch.targets, columns_of(patch.sources, places))
    new = (~mask[rows, columns]).nonzero().flatten()
    if patch.live is not None:
        order = torch.randperm(len(new), generator=editor.generator).to(new.device)
        new = new[order[: max(0, patch.live - (len(rows) - len(new)))]].sort().values
    editor.connect(patch.pair, (rows[new], columns[new]))
    return Event("add_patch", editor.name(patch.pair), parents=_sources(patch))


def _add_hidden_patch(editor: NetworkEditor, patch: Patch) -> Event:
    (i, j), node = patch.pair, patch.pair[1] - 1
    units = editor.extend(node, patch.hidden)
    inner = cross(units, patch.sources)
    std = math.sqrt(2 / len(patch.sources))
    editor.connect((i, node), inner, std * _normal(len(inner[0]), editor.generator))
    editor.connect((node, j), cross(patch.targets, units))
    return Event("add_patch", key(patch.pair), _units(node, units), _sources(patch))


def _sources(patch: Patch) -> tuple[Unit, ...]:
    return _units(patch.pair[0], patch.sources)


@operation
def insert_layer(editor: NetworkEditor, behind: int) -> Event:
    """Insert a node behind a hidden node, as wide, with an edge of weight 1 from unit to copy.

    The chain's edges to the next node now come from the copies; skips stay where they were.
    Exact: values after a ReLU pass another one unchanged. Numbers of later nodes rise by 1.

    Source: Chen, Goodfellow and Shlens 2016, "Net2Net", arXiv:1511.05641.
    """
    editor.check_hidden(behind)
    net = editor.net
    size, like = net.sizes[behind], net.block(behind, behind + 1).weight
    editor.renumber(behind)
    net.sizes.insert(behind + 1, size)
    empty = torch.zeros(size, size, dtype=torch.bool, device=like.device)
    editor.add((behind, behind + 1), MaskedLinear(empty))
    editor.arrange()
    units = torch.arange(size, device=like.device)
    editor.connect((behind, behind + 1), (units, units), 1.0)
    new = _units(behind + 1, units)
    return Event("insert_layer", str(behind + 1), new, _units(behind, units))


@operation
def clone(
    editor: NetworkEditor, source: tuple[int, Tensor], targets: Tensor | None = None
) -> Event:
    """Copy units (n,) of a hidden node into the next node; `source` is the node and the units.

    A copy has one edge of weight 1 from its source, and edges of weight 0 to `targets` (t,), units
    of the node behind it; None: to all of them. Exact.

    Source: the earlier code's vertical cloning, for the aim. Differs: there a row was overwritten,
    in the same layer, and the network's function changed.
    """
    node, units = source
    editor.check_hidden(node)
    editor.check_hidden(node + 1)
    editor.check_units(node, units.tolist())
    targets = _all(editor, node + 2) if targets is None else targets
    editor.check_units(node + 2, targets.tolist())
    copies = editor.extend(node + 1, len(units))
    editor.connect((node, node + 1), (copies, units), 1.0)
    editor.connect((node + 1, node + 2), cross(targets, copies))
    return Event("clone", str(node + 1), _units(node + 1, copies), _units(node, units))


@operation
def highway(
    editor: NetworkEditor, source: Unit, dead: Sequence[int], targets: Tensor | None = None
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
        editor.check_hidden(node)
        editor.check_units(node, [unit])
    targets = _all(editor, past) if targets is None else targets
    editor.check_units(past, targets.tolist())
    taken = tuple(enumerate(dead, first))
    for taken_unit in taken:
        _isolate(editor, taken_unit)
    for node, unit in taken:
        previous = source[1] if node == first else dead[node - first - 1]
        editor.connect((node - 1, node), (_tensor(editor, unit), _tensor(editor, previous)), 1.0)
    editor.connect((past - 1, past), cross(targets, _tensor(editor, dead[-1])))
    return Event("highway", key((source[0], past)), taken, (source,))


def _isolate(editor: NetworkEditor, unit: Unit) -> None:
    """Drop all edges of a unit and its bias."""
    node, place = unit
    for pair, block in editor.net.into(node):
        columns = block.mask[place].nonzero().flatten()
        editor.disconnect(pair, (torch.full_like(columns, place), columns))
    for pair, block in editor.net.out_of(node):
        rows = block.mask[:, place].nonzero().flatten()
        editor.disconnect(pair, (rows, torch.full_like(rows, place)))
    editor.set_biases(node, _tensor(editor, place), 0.0)


@operation
@torch.no_grad()
def revive(editor: NetworkEditor, at: tuple[int, Tensor], x: Tensor, firing: float) -> Event:
    """Redraw the weights of units' incoming edges, and set those of their outgoing ones to 0.

    `at` is a hidden node and its units (n,); the edges stay where they are. Weights are normal with
    the variance 2 over the live edges of a unit, and the bias makes it fire in the share `firing`,
    in (0, 1), of samples `x`. Exact for every input at which none of the units fired.

    Source: Sokar et al. 2023, "The dormant neuron phenomenon", arXiv:2302.12902 (ReDo).
    Differs: the size of the weights follows from the live edges, and the bias from the data.
    """
    node, units = at
    editor.check_hidden(node)
    editor.check_units(node, units.tolist())
    chosen = torch.zeros(editor.net.sizes[node], dtype=torch.bool, device=editor.device)
    chosen[units] = True
    _draw_incoming(editor, node, chosen)
    for pair, block in editor.net.out_of(node):
        editor.rebirth(pair, mask_indices(block.mask & chosen))
    editor.set_biases(node, units, 0.0)
    sums = editor.net.trace(x).sums[node - 1][:, units]
    editor.set_biases(node, units, -sums.quantile(1 - firing, 0))
    return Event("revive", str(node), _units(node, units))


def _draw_incoming(editor: NetworkEditor, node: int, chosen: Tensor) -> None:
    blocks = editor.net.into(node)
    live = torch.stack([block.mask.sum(1) for _, block in blocks]).sum(0)
    for pair, block in blocks:
        rows, columns = mask_indices(block.mask & chosen.unsqueeze(1))
        fresh = torch.randn(len(rows), generator=editor.generator).to(block.weight)
        editor.rebirth(pair, (rows, columns), fresh * math.sqrt(2) * live[rows].rsqrt())


def _tensor(editor: NetworkEditor, unit: int) -> Tensor:
    return torch.tensor([unit], device=editor.device)


def _all(editor: NetworkEditor, node: int) -> Tensor:
    """Return all units of a node."""
    return torch.arange(editor.net.sizes[node], device=editor.device)


def _normal(count: int, generator: torch.Generator) -> Tensor:
    return torch.randn(count, generator=generator, device=generator.device)


def _units(node: int, units: Tensor) -> tuple[Unit, ...]:
    return tuple((node, unit) for unit in units.tolist())
