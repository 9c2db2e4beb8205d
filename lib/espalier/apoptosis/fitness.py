"""How fit neurons are: the higher, the longer they live. Every measure is one number a neuron.

Measures look at a pair of layers, whose producer's rows make the neurons and whose consumer's
columns use them, and at what the pair does on probe batches (`espalier.apoptosis.activation_hooks`).
W is the producer's weight, G its gradient, V the consumer's weight, z pre-activations, a
activations and d the loss's gradient by them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from espalier.apoptosis.activation_hooks import Observation, means
from espalier.surgery.pairs import Pair

Measure = Literal[
    "grad_activation",
    "gradient",
    "weight",
    "composite",
    "taylor",
    "activity",
    "utility",
    "saliency",
    "random",
]
SMALL = 1e-8
RIDGE = 1e-4  # of the mean second moment, added to the diagonal before inverting


def grad_activation(seen: Observation) -> Tensor:
    """||G_i|| * mean |z_i|.

    Source: the earlier apoptosis code's fitness of that name, and so of the guides.
    Differs: z and G are of probe batches and not of whatever ran last.
    """
    return gradient(seen) * seen.before.abs().mean((0, 1))


def gradient(seen: Observation) -> Tensor:
    """||G_i||, the norm of the loss's gradient by the weights that make neuron i."""
    return _rows(seen.pair.producer.weight.grad, seen.pair)


def weight(seen: Observation) -> Tensor:
    """||W_i||."""
    return _rows(seen.pair.producer.weight.detach(), seen.pair)


def composite(seen: Observation) -> Tensor:
    """0.4 of `weight`, 0.4 of `gradient` and 0.2 of mean |z|, each by its largest."""
    size = seen.before.abs().mean((0, 1))
    parts = ((0.4, weight(seen)), (0.4, gradient(seen)), (0.2, size))
    return torch.stack([share * part / (part.max() + SMALL) for share, part in parts]).sum(0)


def taylor(seen: Observation) -> Tensor:
    """The mean over samples of (sum over positions of a_i d_i)^2: what its removal would change.

    Source: Molchanov et al. 2019, Importance Estimation for Neural Network Pruning,
    arXiv 1906.10771, equation 8, on activations. d is scaled to a sample's own loss.
    """
    effects = (seen.after * seen.slope).sum((1, 3)) * len(seen.after)  # (samples, neurons)
    return effects.square().mean(0)


def activity(seen: Observation) -> Tensor:
    """mean |a_i| / mean over neurons of it; a neuron is dormant at or below a threshold of this.

    Source: Sokar et al. 2023, The Dormant Neuron Phenomenon, arXiv 2302.12902, equation 1.
    """
    size = seen.after.abs().mean((0, 1, 3))
    return size / (size.mean() + SMALL)


def utility(seen: Observation) -> Tensor:
    """mean |a_i| * sum_k |V_ki|: how much of the consumer's input it makes.

    Source: Dohare et al. 2024, Loss of plasticity in deep continual learning, Nature 632,
    the contribution utility.
    """
    size = seen.after.abs().mean((0, 1))  # (neurons, per)
    return (size * columns(seen.pair).abs().sum(0)).sum(1)


def saliency(seen: Observation) -> Tensor:
    """The least squared error of the consumer's output without i, the others adjusted.

    ||V_i||^2 / [C^-1]_ii with C the second moment of all activations and the constant 1; summed
    over the consumer's inputs if a neuron feeds several.
    Source: Hassibi and Stork 1992, Second order derivatives for network pruning: OBS, on the
    consumer's layer-wise error.
    """
    flat = seen.after.flatten(2).flatten(0, 1)  # (samples * positions, inputs)
    basis = torch.cat([flat, flat.new_ones(len(flat), 1)], 1).double()
    moment = basis.T @ basis / len(basis)
    ridge = RIDGE * moment.diagonal().mean()
    moment.diagonal().add_(ridge)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(moment)).diagonal()[:-1]
    cost = columns(seen.pair).double().square().sum(0).flatten() / inverse
    return cost.view(seen.pair.size, -1).sum(1).to(seen.after.dtype)


def columns(pair: Pair) -> Tensor:
    """The consumer's weights by neuron: (outputs * kernel, neurons, inputs that a neuron feeds)."""
    held = pair.consumer.weight.detach()
    if held.ndim == 4:  # (outputs, neurons, kernel, kernel)
        return held.transpose(1, 2).transpose(2, 3).reshape(-1, pair.size, 1)
    return held.view(len(held), pair.size, pair.per)


def _rows(tensor: Tensor | None, pair: Pair) -> Tensor:
    """The norm of each neuron's row."""
    if tensor is None:
        raise ValueError(f"{pair.name}: has no gradient; call backward before judging by it")
    norms: Tensor = torch.linalg.vector_norm(tensor.detach().flatten(1), dim=1)
    return norms


MEASURES: dict[Measure, Callable[[Observation], Tensor]] = {
    "grad_activation": grad_activation,
    "gradient": gradient,
    "weight": weight,
    "composite": composite,
    "taylor": taylor,
    "activity": activity,
    "utility": utility,
    "saliency": saliency,
}


def judge(
    measure: Measure, seen: Sequence[Observation], generator: torch.Generator, invert: bool = False
) -> Tensor:
    """(neurons,): the measure, averaged over what was seen of one pair; `invert` turns it round.

    `random` and inverted measures are the controls that a measure has to beat.
    """
    if measure == "random":
        first = seen[0].pair.producer.weight
        drawn = torch.rand(seen[0].pair.size, generator=generator, device=generator.device)
        return drawn.to(first.device, first.dtype)
    found = means(MEASURES[measure](one) for one in seen)
    return -found if invert else found
