"""Connectivity of an ordinary model by the masks of its weights.

Measured for models that are one chain of layers. Other models get no measures, rather than some
of a part of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from espalier.core.self_measuring import Measures
from espalier.layers.reachability import Block, Live, measure
from espalier.sparse.prunable import prunable
from espalier.surgery.pairing.pair_layers import is_swapped
from espalier.surgery.pairing.pairs import Pair, find_pairs


@torch.no_grad()
def measure_connectivity(model: nn.Module, masks: Mapping[Tensor, Tensor]) -> Measures:
    """Return `reachability.measure` of a model; empty if it is no single chain.

    `masks` has a bool tensor for each masked weight, in its shape, True where an edge is live.
    """
    live = _chain(model, masks)
    return {} if live is None else measure(live, sum(int(m.sum()) for m in masks.values()))


def _chain(model: nn.Module, masks: Mapping[Tensor, Tensor]) -> Live | None:
    """Return the blocks of a model whose prunable weights are all in one chain, else None."""
    all_chains = list(find_chains(find_pairs(model)))
    is_whole = len(all_chains) == 1 and len(all_chains[0]) + 1 == len(prunable(model))
    if is_whole and any(
        is_swapped(layer) for p in all_chains[0] for layer in (p.producer, p.consumer)
    ):
        return None
    return blocks_of_chain(all_chains[0], masks) if is_whole else None


def find_chains(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """Yield maximal runs of pairs in which each consumer is the producer of the next pair."""
    following = {id(pair.producer): pair for pair in pairs}
    inner = {id(pair.consumer) for pair in pairs}
    for first in (pair for pair in pairs if id(pair.producer) not in inner):
        chain = [first]
        while (after := following.get(id(chain[-1].consumer))) is not None:
            chain.append(after)
        yield chain


def blocks_of_chain(chain: Sequence[Pair], masks: Mapping[Tensor, Tensor]) -> dict[Block, Tensor]:
    """Return the blocks of a chain of pairs; layers without one of the `masks` are dense."""
    layers = [chain[0].producer, *(pair.consumer for pair in chain)]
    widths = [1, *(pair.per for pair in chain)]
    return {
        (i, i + 1): _by_unit(masks.get(layer.weight, torch.ones_like(layer.weight)), per)
        for i, (layer, per) in enumerate(zip(layers, widths, strict=True))
    }


def _by_unit(mask: Tensor, per: int) -> Tensor:
    """Return whether any edge is live between two units: (outputs, units) bool."""
    return (mask != 0).reshape(mask.shape[0], mask.shape[1] // per, -1).any(2)
