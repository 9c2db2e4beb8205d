"""Widening and narrowing a pair: producer, normalisation, consumer, and the optimizer with them.

Parameters stay the same objects, so references to them, as in the optimizer's groups, stay
valid; their gradients are gone until the next backward pass. `keep` masks must be resized
by their owner. Runs of a pack share their tensors' memory and are refused.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espalier.surgery import optimizer_state
from espalier.surgery.edit_context import EditContext, owns_memory
from espalier.surgery.pairing.pair_layers import rename_sizes


@torch.no_grad()
def widen(site: EditContext, extra: int) -> Tensor:
    """Add `extra` dead neurons at the end; returns their indices, to be born into.

    Exact. Raises ValueError for a number below 1 and for a run of a pack.
    """
    size = site.pair.size
    if extra < 1:
        raise ValueError(f"a pair is widened by 1 neuron or more, not {extra}")
    device = site.pair.device
    kept, new = torch.arange(size, device=device), torch.full((extra,), -1, device=device)
    _resize(site, torch.cat([kept, new]))
    slots = torch.arange(size, size + extra, device=device)
    site.reset_state(slots)
    return slots


@torch.no_grad()
def narrow(site: EditContext, gone: Tensor) -> Tensor:
    """Remove the neurons `gone` (n,); returns the former indices of those that stay, in order.

    Exact if they are dead (see `espalier.surgery.death`). Raises ValueError if none would be left
    and for a run of a pack.
    """
    stays = torch.ones(site.pair.size, dtype=torch.bool, device=gone.device)
    stays[gone] = False
    kept = stays.nonzero().flatten()
    if len(kept) == 0:
        raise ValueError(f"all {site.pair.size} neurons of {site.pair.name!r} would be gone")
    _resize(site, kept)
    return kept


def resize(site: EditContext, size: int) -> None:
    """Make a pair `size` neurons wide: dead ones come at the end, or the last ones go.

    What the new ones do is left to the caller. Raises ValueError as `widen` and `narrow` do.
    """
    now, device = site.pair.size, site.pair.device
    if size > now:
        widen(site, size - now)
    elif size < now:
        narrow(site, torch.arange(size, now, device=device))


def _resize(site: EditContext, source: Tensor) -> None:
    """Make the neurons those of `source` (n,), where -1 stands for a new one of zeros."""
    pair = site.pair
    if not all(owns_memory(layer.weight) for layer in pair.producers):
        raise ValueError(f"the layers at {pair.name!r} are one run of a pack: their shapes are set")
    parameters = [*(parameter for parameter, _ in pair.slices()), pair.reader[0]]
    optimizer_state.check_resizable(site.optimizer, parameters)
    columns = torch.where(source < 0, -1, 1).repeat_interleave(pair.per)
    columns = torch.where(columns < 0, -1, pair.columns(source))
    for parameter, dim in pair.slices():
        site.rebuild(parameter, dim, source)
    site.rebuild(*pair.reader, columns)
    if pair.norm is not None:
        _resize_statistics(pair.norm, source)
        pair.norm.num_features = pair.size
    for layer in (*pair.producers, pair.consumer):
        rename_sizes(layer)


def _resize_statistics(norm: nn.Module, source: Tensor) -> None:
    for name in ("running_mean", "running_var"):
        buffer = norm._buffers[name]
        if buffer is not None:
            norm._buffers[name] = optimizer_state.take_slices(buffer, 0, source)
