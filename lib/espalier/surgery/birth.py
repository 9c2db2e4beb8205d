"""Ways for neurons to be born into slots that are dead or have just been added.

A slot is dead when the consumer's weights for it are 0, as every death and `resize.widen` leave it.
All births are exact: in evaluation the network computes what it did before, to rounding. With
batch normalisation they are exact in training mode too; with dropout between the layers a split
and a signed pair are so only in the mean.

`slots` (n,) are indices of neurons. Random numbers come from the generator given. Optimizer state
of whatever is new begins anew (see `espalier.surgery.optimizer_state`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.surgery.edit_context import EditContext
from espalier.surgery.init_distribution import InitDistribution, default_distribution
from espalier.surgery.pairing.pair_layers import by_output
from espalier.surgery.pairing.pairs import Pair


@torch.no_grad()
def fresh(
    site: EditContext,
    slots: Tensor,
    generator: torch.Generator,
    law: InitDistribution | None = None,
) -> None:
    """Draw in-weights from `law` (default: torch's own for the layer); no bias, no out-weights.

    At the first step only the out-weights have a gradient.

    Source: Sokar et al. 2023, arXiv:2302.12902.
    """
    place(site, slots, draw_incoming(site.pair, len(slots), generator, law))
    site.reset_state(slots)


def draw_incoming(
    pair: Pair, count: int, generator: torch.Generator, law: InitDistribution | None = None
) -> Tensor:
    """Draw in-weights (count, fan_in) from `law`, by default torch's own for each layer."""
    drawn = []
    for layer in pair.producers:
        own = law or default_distribution(layer)
        drawn.append(own.draw(by_output(layer), count, generator).flatten(1))
    return drawn[0] if len(drawn) == 1 else torch.cat(drawn, 1)


@torch.no_grad()
def place(site: EditContext, slots: Tensor, rows: Tensor) -> None:
    """Give `slots` the in-weights `rows` (n, ...), no bias, no out-weights, a plain norm.

    For births with in-weights of one's own: call `site.reset_state(slots)` when all is written.
    """
    pair = site.pair
    if pair.norm is not None:
        _plain_norm(pair, slots, rows)
    pair.write_incoming(slots, rows)
    for layer in pair.producers:
        if layer.bias is not None:
            layer.bias.index_fill_(0, slots, 0.0)
    pair.out_weight.index_fill_(1, pair.columns(slots), 0.0)


@dataclass(frozen=True)
class Portion:
    """The division of out-weights between a parent and its children.

    An only child gets a `share` of them, in (0, 1); of several each gets that beside the parent's
    1 - `share`, scaled so that all sum to 1. Each weight is divided a little differently, the
    child's part being up to 1 +- `noise` times the share: under equal shares Adam, which does not
    see the size of gradients, would keep parent and child equal for ever.
    """

    share: float = 0.5
    noise: float = 0.1


@torch.no_grad()
def split(
    site: EditContext,
    slots: Tensor,
    parents: Tensor,
    generator: torch.Generator,
    portion: Portion | None = None,
) -> None:
    """Copy its parent (n,) into each slot, which takes over a `portion` of its out-weights.

    Several slots may have one parent; a neuron cannot be slot and parent at once.

    Source: Chen, Goodfellow and Shlens 2016, "Net2Net", arXiv:1511.05641; Wang et al. 2024,
    "LEMON", arXiv:2310.07999, for shares that differ.
    Differs: single weights are shared differently, where LEMON has one share for a neuron.
    """
    pair, portion = site.pair, portion or Portion()
    _copy(pair, slots, parents)
    weight = pair.out_weight
    columns, sources = pair.columns(slots), pair.columns(parents)
    children = torch.bincount(sources, minlength=weight.shape[1])[sources].to(weight.dtype)
    part = portion.share / (
        1 - portion.share + children * portion.share
    )  # (columns,) of each child
    given = weight.index_select(1, sources)
    uneven = 1 + portion.noise * (2 * _uniform(given, generator) - 1)
    given = given * uneven * part.view(-1, *[1] * (weight.ndim - 2))
    weight.index_copy_(1, columns, given)
    weight.index_add_(1, sources, given, alpha=-1)
    site.reset_state(slots)


@torch.no_grad()
def signed(
    site: EditContext,
    slots: Tensor,
    generator: torch.Generator,
    *,
    law: InitDistribution | None = None,
    scale: float = 1.0,
) -> None:
    """Create twins: the same new in-weights, out-weights that cancel, so all have gradients.

    The first half of `slots` are twins of the second; raises ValueError if their number is odd.
    Out-weights are random, `scale` times as long as the other neurons' on average.

    Source: the antisymmetric initialisation of Zhang et al. 2020, "A type of generalization error
    induced by initialization in deep neural networks", arXiv:1905.07777, for single neurons.
    """
    if len(slots) % 2:
        raise ValueError(f"twins need an even number of slots, not {len(slots)}")
    pair, half = site.pair, len(slots) // 2
    usual = mean_outgoing_length(pair, slots)
    rows = draw_incoming(pair, half, generator, law)
    place(site, slots, torch.cat([rows, rows]))
    weight = pair.out_weight
    columns = weight.new_empty(weight.shape[0], half * pair.per, *weight.shape[2:])
    random = torch.randn(columns.shape, generator=generator, device=generator.device)
    columns = scale * usual * normalize_outgoing(random.to(columns), pair.per)
    weight.index_copy_(1, pair.columns(slots), torch.cat([columns, -columns], 1))
    site.reset_state(slots)


def mean_outgoing_length(pair: Pair, slots: Tensor) -> Tensor:
    """Return the mean length of the out-weights of the neurons that are not in `slots`."""
    lengths = pair.outgoing().norm(dim=1)
    lengths[slots] = 0.0
    mean: Tensor = lengths.sum() / lengths.count_nonzero().clamp_min(1)
    return mean


def normalize_outgoing(columns: Tensor, per: int) -> Tensor:
    """Scale the out-weights (outputs, n * per, ...) of each neuron to length 1."""
    by_neuron = columns.reshape(columns.shape[0], columns.shape[1] // per, -1)
    lengths = by_neuron.norm(dim=(0, 2), keepdim=True)
    scaled: Tensor = by_neuron / lengths
    return scaled.reshape(columns.shape)


def _copy(pair: Pair, slots: Tensor, parents: Tensor) -> None:
    """Copy all that makes the parents, with normalisation and its statistics."""
    for tensor in (*(by_output(layer) for layer in pair.producers), *pair.vectors()):
        tensor.index_copy_(0, slots, tensor.index_select(0, parents))


def _plain_norm(pair: Pair, slots: Tensor, rows: Tensor) -> None:
    """Set scale 1, shift 0, mean 0, and the variance that others have for their length.

    The estimate lasts until batches have been seen in training mode.
    """
    norm = pair.norm
    assert norm is not None
    for tensor, value in ((norm.weight, 1.0), (norm.bias, 0.0), (norm.running_mean, 0.0)):
        if tensor is not None:
            tensor.index_fill_(0, slots, value)
    if norm.running_var is not None:
        energy = pair.incoming().square().sum(1)
        others = torch.ones_like(energy)
        others[slots] = 0.0
        gain = (norm.running_var * others).sum() / (energy * others).sum()
        predicted = rows.flatten(1).square().sum(1) * torch.nan_to_num(gain, 1.0, 1.0)
        norm.running_var.index_copy_(0, slots, predicted.to(norm.running_var.dtype))


def _uniform(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(like.shape, generator=generator, device=generator.device).to(like)
