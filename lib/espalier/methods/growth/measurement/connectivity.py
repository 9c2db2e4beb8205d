"""How an ordinary model hangs together by the masks of its weights.

Known of models that are one chain of layers. Of any other nothing is said, rather than something
that is not all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from espalier.core.self_measuring import Measures
from espalier.layers.reachability import Block, Live, measure
from espalier.sparse.mask import prunable
from espalier.surgery.pairs import Pair, find_pairs


@torch.no_grad()
def of_masks(model: nn.Module, masks: Mapping[Tensor, Tensor]) -> Measures:
    """Return what `reachability.measure` says of a model; empty if it is no single chain.

    `masks` has a bool tensor for each masked weight, in its shape, True where an edge is live.
    """
    live = _chain(model, masks)
    return {} if live is None else measure(live, sum(int(m.sum()) for m in masks.values()))


def _chain(model: nn.Module, masks: Mapping[Tensor, Tensor]) -> Live | None:
    """The blocks of a model whose prunable weights are all in one chain; None of any other."""
    found = list(chains(find_pairs(model)))
    weights = prunable(model)
    whole = len(found) == 1 and len(found[0]) + 1 == len(weights)
    return of_chain(found[0], masks) if whole else None


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
    """The blocks of a chain of pairs, with `keep` as for `of_pairs`."""
    layers = [chain[0].producer, *(pair.consumer for pair in chain)]
    widths = [1, *(pair.per for pair in chain)]
    return {
        (i, i + 1): _by_unit(keep.get(layer.weight, torch.ones_like(layer.weight)), per)
        for i, (layer, per) in enumerate(zip(layers, widths, strict=True))
    }


def _by_unit(mask: Tensor, per: int) -> Tensor:
    """A layer's mask as (outputs, units): whether any edge is live between the two."""
    return (mask != 0).reshape(mask.shape[0], mask.shape[1] // per, -1).any(2)
