"""Removal of inactive units: those that have lost all links on one side lose the others too.

Source: Zhang et al. 2024, Epitopological learning and Cannistraci-Hebb network shape intelligence
(chain removal), and its public code.
Differs: units are those of pairs of layers in a chain; elsewhere none is looked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from espalier.sparse.edges import Edges
from espalier.surgery.pairing.pairs import Pair, find_pairs


def remove_inactive(model: nn.Module, edges: Edges, live: Sequence[Tensor]) -> list[Tensor]:
    """Return what is left of `live` without the links of inactive units; both in weights' shapes.

    Pair by pair, in the order of the model: first links to units that lead nowhere, then those of
    units that nothing leads to.
    """
    rows = [x.clone(memory_format=torch.contiguous_format) for x in edges.by_unit(live)]
    places = {id(weight): place for place, weight in enumerate(edges.weights)}
    for pair in find_pairs(model):
        held = [places.get(id(layer.weight)) for layer in (*pair.producers, pair.consumer)]
        if None not in held:
            _clear(pair, [rows[place] for place in held if place is not None])
    return edges.as_stored(rows)


def _clear(pair: Pair, rows: Sequence[Tensor]) -> None:
    """Clear the links (units, inputs, ...) of inactive units in place; the last is the reader's."""
    *makers, reader = rows
    columns = reader.view(len(reader), pair.size, -1)
    read = columns.any(2).any(0)
    for maker in makers:
        maker[~read] = False
    made = torch.stack([maker.flatten(1).any(1) for maker in makers]).any(0)
    columns[:, ~made] = False
