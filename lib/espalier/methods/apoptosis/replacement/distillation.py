"""Newborns that are distilled from the dying before they take their places."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from typing_extensions import override

from espalier.methods.apoptosis.neurons.activation_hooks import NeuronObservation
from espalier.methods.apoptosis.neurons.apoptosis_strategy import Birth, Selected, check
from espalier.methods.apoptosis.neurons.candidate_neurons import CandidateNeurons, Successors
from espalier.methods.apoptosis.neurons.replacement_ops import (
    BirthContext,
    Parents,
    relative_noise,
    sample_parents,
    single_parents,
)
from espalier.surgery import death
from espalier.surgery.death import Substitute
from espalier.surgery.probe import at_least_single

POSITIONS = 256
"""Positions that candidates are distilled on, at least one sample's."""


@dataclass(frozen=True)
class DistillingDeath:
    """Each of the dying is distilled into a candidate; survivors and candidates replace it.

    A candidate is the mutation of a fit parent, which takes `steps` steps of descent towards doing
    on the observed inputs what the dying does. Then what the dying do is expressed by survivors and
    candidates together (least squares, as in folding, which has the survivors only).
    """

    steps: int

    def __post_init__(self) -> None:
        """Raise ValueError for a negative number of steps."""
        check("distillation_steps", self.steps, self.steps >= 0, "0 or more")

    def __call__(self, context: BirthContext, selected: Selected) -> Tensor:
        """Replace the selected; the candidates wait in `population.successors`."""
        site, population = context.site, context.population
        candidates, parents = self._distill(context)
        columns = site.pair.columns(selected.slots)
        whole = _regression(population.observed, selected.slots, candidates)
        outgoing = death.read_through_blend(
            site, death.copy_outgoing(site, columns), whole.blend[columns]
        )
        population.successors = Successors(candidates, outgoing, parents)
        alive = death.complement(len(whole.alive), columns)
        return death.kill(site, replace(whole, alive=alive, blend=whole.blend[alive]))

    def _distill(self, context: BirthContext) -> tuple[CandidateNeurons, Tensor]:
        """Return distilled mutations of the fit, and their parents (n,)."""
        pair, observation = context.site.pair, context.population.observed
        parents = sample_parents(context)[:, 0]
        candidates = CandidateNeurons.copy_of(pair, parents)
        for incoming in candidates.incoming:
            rows = incoming["weight"]
            noise = relative_noise(rows, context.generator)
            incoming["weight"] = rows + context.strength * noise
        inputs = _some_inputs(observation)
        targets = CandidateNeurons.copy_of(pair, context.slots).activations(inputs, whole=False)
        candidates.distill(inputs, targets, self.steps)
        candidates.recompute_statistics(observation.producer_input)
        return candidates, parents


@dataclass(frozen=True)
class SuccessorBirth(Birth):
    """The successors take the slots, read by what was taken from the survivors."""

    @override
    def create(self, context: BirthContext) -> Parents | None:
        site, successors = context.site, context.population.successors
        assert successors is not None  # they were distilled at the death just before
        context.population.successors = None
        successors.neurons.install(context.slots)
        columns = site.pair.columns(context.slots)
        site.pair.out_weight.index_copy_(1, columns, successors.outgoing)
        site.apply_masks()
        return single_parents(successors.parents)


def _some_inputs(observation: NeuronObservation) -> Tensor:
    """Return inputs of the producer at `POSITIONS` positions or a few more."""
    inputs = observation.producer_input
    if not observation.pair.map_dims[0]:
        flat = inputs.flatten(0, -2)
        return flat[:: -(-len(flat) // POSITIONS)].contiguous()
    places = observation.producer_output[0, 0].numel()
    return inputs[:: max(1, len(inputs) * places // POSITIONS)]


@torch.no_grad()
def _regression(
    observation: NeuronObservation, dying: Tensor, candidates: CandidateNeurons
) -> Substitute:
    """Express the dying by all inputs of the consumer, candidates in the slots of the dying.

    The moments are those observed, with the rows and columns of the dying exchanged.
    """
    pair, observed = observation.pair, observation.statistics
    columns = pair.columns(dying)
    extra = at_least_single(pair.samples(candidates.activations(observation.producer_input)))
    own = at_least_single(pair.samples(observation.consumer_input))
    usual = extra.mean(0)
    extra = extra - usual
    fresh, lost = own.T @ extra, observed.scatter.index_select(1, columns)
    across = lost.index_copy(0, columns, fresh[columns].T)
    fresh[columns] = extra.T @ extra
    inner = observed.scatter.index_copy(0, columns, fresh.T).index_copy_(1, columns, fresh)
    count = max(observed.count, 1)
    looseness = death.RIDGE * (len(inner) + len(columns)) / count
    blend, rest = death.solve_ridge(inner, across, lost[columns], looseness)
    constant = observed.mean[columns] - observed.mean.index_copy(0, columns, usual) @ blend
    every = torch.arange(len(inner), device=inner.device)
    return Substitute(dying, every, blend, constant, observed.shares, rest / count)
