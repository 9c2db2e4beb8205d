"""Measures of how fit neurons are: one number a neuron; the higher, the longer it lives.

Measures look at a pair of layers, whose producer's rows make the neurons and whose consumer's
columns use them, and at what the pair does on probe batches (see `activation_hooks`).
W is the producer's weight, G its gradient, V the consumer's weight, z pre-activations, a
activations and d the loss's gradient by them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from espalier.methods.apoptosis.neurons.activation_hooks import NeuronObservation
from espalier.surgery.pairing.pairs import Pair

FitnessMetric = Literal[
    "grad_activation",
    "gradient",
    "weight",
    "composite",
    "taylor",
    "activity",
    "utility",
    "adaptable_utility",
    "saliency",
    "random",
]
SMALL = 1e-8
RIDGE = 1e-4  # of the mean second moment, added to the diagonal before inverting


def grad_activation(observed: NeuronObservation) -> Tensor:
    """Return ||G_i|| * mean |z_i|.

    Source: the earlier apoptosis code's fitness of that name, and so of the guides.
    Differs: z and G are of probe batches and not of whatever ran last.
    """
    return gradient(observed) * observed.pre_activations.abs().mean((0, 1))


def gradient(observed: NeuronObservation) -> Tensor:
    """Return ||G_i||, the norm of the loss's gradient by the weights that make neuron i."""
    return _rows(observed.pair.incoming_grad(), observed.pair)


def weight(observed: NeuronObservation) -> Tensor:
    """Return ||W_i||."""
    return _rows(observed.pair.incoming(), observed.pair)


def composite(observed: NeuronObservation) -> Tensor:
    """Return 0.4 `weight` + 0.4 `gradient` + 0.2 mean |z|, each divided by its largest."""
    size = observed.pre_activations.abs().mean((0, 1))
    parts = ((0.4, weight(observed)), (0.4, gradient(observed)), (0.2, size))
    return torch.stack([share * part / (part.max() + SMALL) for share, part in parts]).sum(0)


def taylor(observed: NeuronObservation) -> Tensor:
    """Return the mean over samples of (sum over positions of a_i d_i)^2.

    Source: Molchanov et al. 2019, Importance Estimation for Neural Network Pruning,
    arXiv 1906.10771, equation 8, on activations. d is scaled to a sample's own loss.
    """
    effects = (observed.activations * observed.activation_grads).sum((1, 3))  # (samples, neurons)
    effects = effects * len(observed.activations)
    return effects.square().mean(0)


def activity(observed: NeuronObservation) -> Tensor:
    """Return mean |a_i| / mean over neurons of it; dormant neurons are below a threshold.

    Source: Sokar et al. 2023, The Dormant Neuron Phenomenon, arXiv 2302.12902, equation 1.
    """
    size = observed.activations.abs().mean((0, 1, 3))
    return size / (size.mean() + SMALL)


def utility(observed: NeuronObservation) -> Tensor:
    """Return mean |a_i| * sum_k |V_ki|: the share of the consumer's input that it makes.

    Source: Dohare et al. 2024, Loss of plasticity in deep continual learning, Nature 632,
    the contribution utility.
    """
    size = observed.activations.abs().mean((0, 1))  # (neurons, per)
    return (size * columns(observed.pair).abs().sum(0)).sum(1)


def adaptable_utility(observed: NeuronObservation) -> Tensor:
    """Return mean |a_i - running mean of a_i| * sum_k |V_ki| / sum_j |W_ij|.

    What varies of a neuron's part of the consumer's input, and how far that moves for a step of the
    weights that make it. The running mean has the decay of the fitness; without one it is the mean
    of what is observed.

    Source: Dohare et al. 2021, Continual backprop, arXiv 2108.06325, the overall utility.
    """
    activations = observed.activations
    usual = observed.running_mean
    usual = activations.mean((0, 1)) if usual is None else usual
    size = (activations - usual).abs().mean((0, 1))  # (neurons, per)
    contribution = (size * columns(observed.pair).abs().sum(0)).sum(1)
    return contribution / (observed.pair.incoming().abs().sum(1) + SMALL)


def saliency(observed: NeuronObservation) -> Tensor:
    """Return the least squared error of the consumer's output without i, the others adjusted.

    ||V_i||^2 / [C^-1]_ii with C the second moment of all activations and the constant 1; summed
    over the consumer's inputs if a neuron feeds several.
    Source: Hassibi and Stork 1992, Second order derivatives for network pruning: OBS, on the
    consumer's layer-wise error.
    """
    flat = observed.activations.flatten(2).flatten(0, 1)  # (samples * positions, inputs)
    basis = torch.cat([flat, flat.new_ones(len(flat), 1)], 1).double()
    moment = basis.T @ basis / len(basis)
    ridge = RIDGE * moment.diagonal().mean()
    moment.diagonal().add_(ridge)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(moment)).diagonal()[:-1]
    cost = columns(observed.pair).double().square().sum(0).flatten() / inverse
    return cost.view(observed.pair.size, -1).sum(1).to(observed.activations.dtype)


def columns(pair: Pair) -> Tensor:
    """Return the consumer's weights as (outputs * kernel, neurons, inputs a neuron feeds)."""
    weights = pair.out_weight
    if weights.ndim > 2:  # (outputs, neurons, *kernel)
        return weights.movedim(1, -1).reshape(-1, pair.size, 1)
    return weights.reshape(len(weights), pair.size, pair.per)


def _rows(tensor: Tensor | None, pair: Pair) -> Tensor:
    """Return the norm of each neuron's row."""
    if tensor is None:
        raise ValueError(f"{pair.name}: has no gradient; call backward before scoring by it")
    norms: Tensor = torch.linalg.vector_norm(tensor.detach().flatten(1), dim=1)
    return norms


MEASURES: dict[FitnessMetric, Callable[[NeuronObservation], Tensor]] = {
    "grad_activation": grad_activation,
    "gradient": gradient,
    "weight": weight,
    "composite": composite,
    "taylor": taylor,
    "activity": activity,
    "utility": utility,
    "adaptable_utility": adaptable_utility,
    "saliency": saliency,
}
READ_GRADIENTS: frozenset[FitnessMetric] = frozenset({"grad_activation", "gradient", "composite"})
"""Those that read the gradients which the last update used."""


def score(
    measure: FitnessMetric,
    observations: Sequence[NeuronObservation],
    generator: torch.Generator,
    invert: bool = False,
) -> Tensor:
    """Return (neurons,) the measure, averaged over observations of one pair; `invert` negates it.

    `random` and inverted measures are the controls that a measure has to beat.
    """
    if measure == "random":
        first = observations[0].pair.producer.weight
        drawn = torch.rand(observations[0].pair.size, generator=generator, device=generator.device)
        return drawn.to(first.device, first.dtype)
    fitness = torch.stack([MEASURES[measure](each) for each in observations]).mean(0)
    return -fitness if invert else fitness
