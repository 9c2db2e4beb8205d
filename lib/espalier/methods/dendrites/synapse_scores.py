"""Scores of a unit's inputs, of which the highest become new synapses.

Every input that a unit is connected to at the time is out of the question, so that whatever is
dropped is replaced, by something else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from espalier.layers.dendrites.synapses import Synapses
from espalier.layers.dendrites.wiring import Pixels, pixel_places
from espalier.surgery.probe import evaluating

Batch = tuple[Tensor, Tensor]


def select_inputs(scores: Tensor, index: Tensor, count: int) -> Tensor:
    """Return (units, count): for each unit the free inputs with the highest `scores`.

    `index` (units, fan_in) is what is not free; `scores` are used up.
    """
    return scores.scatter_(1, index, -math.inf).topk(count, dim=1).indices


def uniform_scores(layer: Synapses, generator: torch.Generator) -> Tensor:
    """Return random scores (units, inputs): all free inputs are equally likely."""
    return torch.rand(layer.units, layer.inputs, generator=generator).to(layer.weight)


def local_scores(
    layer: Synapses, pixels: Pixels, sigma: float, generator: torch.Generator
) -> Tensor:
    """Return scores (units, inputs) from a Gaussian around the centroid of a unit's synapses.

    Of deviation `sigma` pixels, over height and width; channels are equally likely. The highest of
    log-probabilities with Gumbel noise are a sample without replacement.

    Source: Gumbel-top-k of Kool, van Hoof and Welling 2019, arXiv 1903.06059.
    """
    place = pixel_places(pixels).to(layer.weight)  # (inputs, 2)
    centre = place[layer.index].mean(1)  # (units, 2)
    noise = torch.empty(layer.units, layer.inputs).exponential_(generator=generator)
    distance = torch.cdist(centre, place, compute_mode="donot_use_mm_for_euclid_dist")
    return -distance.square() / (2 * sigma**2) - noise.log_().to(layer.weight)


def gradient_scores(
    model: nn.Module,
    layers: Mapping[str, Synapses],
    loss: Callable[[Tensor, Tensor], Tensor],
    batch: Batch,
) -> list[Tensor]:
    """Return (units, inputs) a layer: |dL/dw| of every synapse it has or could have.

    `layers` are parts of `model` by name. In a pass of its own over a batch (x, y), in evaluation
    mode, in which every unit is connected to all inputs, most with weights of 0. Nothing of the
    model changes, its gradients neither.

    Source: the growth of RigL, Evci et al. 2020, arXiv 1911.11134.
    """
    whole = {name: _whole(layer) for name, layer in layers.items()}
    held = {
        ".".join(filter(None, (name, part))): tensor
        for name, parts in whole.items()
        for part, tensor in parts.items()
    }
    with evaluating(model), torch.enable_grad():
        total = loss(functional_call(model, held, (batch[0],)), batch[1])
        weights = [parts["weight"] for parts in whole.values()]
        gradients = torch.autograd.grad(total, weights, allow_unused=True, materialize_grads=True)
    return [slope.abs_() for slope in gradients]


def _whole(layer: Synapses) -> dict[str, Tensor]:
    """Return weight and index of the same function with a synapse to every input."""
    weight = layer.weight.detach().new_zeros(layer.units, layer.inputs)
    weight.scatter_(1, layer.index, layer.weight.detach())
    index = torch.arange(layer.inputs, device=weight.device).repeat(layer.units, 1)
    return {"weight": weight.requires_grad_(), "index": index}
