"""Candidates that are distilled, and what their births make up for."""

from itertools import pairwise

import pytest
import surgery_bodies
import torch
from apoptosis_cases import Training, charlm, generator, observations

import espalier
from espalier.methods.apoptosis.neurons.candidate_neurons import CandidateNeurons
from espalier.surgery import death
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import find_pairs


@pytest.mark.parametrize("body", [surgery_bodies.mlp, surgery_bodies.conv, surgery_bodies.lenet])
def test_a_candidate_does_what_its_neuron_does(body):
    for _, _, seen in observations(body):
        some = torch.arange(0, seen.pair.size, 2)
        mine = seen.consumer_input.index_select(1, seen.pair.columns(some))
        candidates = CandidateNeurons.copy_of(seen.pair, some)
        assert torch.allclose(candidates.activations(seen.producer_input), mine, atol=1e-5)
        candidates.recompute_statistics(seen.producer_input)  # other statistics, same answers
        assert torch.allclose(candidates.activations(seen.producer_input), mine, atol=1e-4)


@pytest.mark.parametrize("body", [surgery_bodies.mlp, surgery_bodies.conv, surgery_bodies.lenet])
def test_distillation_brings_a_candidate_nearer(body):
    for _, _, seen in observations(body):
        own, others = torch.arange(2), torch.arange(2, 4)
        targets = CandidateNeurons.copy_of(seen.pair, others).activations(
            seen.producer_input, whole=False
        )
        missed = []
        for steps in (0, 3, 10, 40):
            candidates = CandidateNeurons.copy_of(seen.pair, own)
            candidates.distill(seen.producer_input, targets, steps)
            missed.append(
                float(
                    (candidates.activations(seen.producer_input, False) - targets).square().mean()
                )
            )
        assert all(after <= before for before, after in pairwise(missed))
        assert missed[2] < missed[1] < missed[0]


@pytest.mark.parametrize("body", [surgery_bodies.mlp, charlm, surgery_bodies.lenet])
def test_distilling_hurts_no_more_than_folding(body):
    def damage(kind, **keywords):
        events = Training(kind, body, **keywords).go(6).manager.lineage.events
        return {event.layer: event.drift for event in events if event.op == "death"}

    folded = damage(espalier.ContinuousTurnoverApoptosis)
    distilled = damage(espalier.DistillationApoptosis)
    assert distilled.keys() == folded.keys()
    assert sum(distilled.values()) < sum(folded.values())


def test_the_drift_is_what_the_layer_after_gets():
    """The estimate, on the samples it is made from, against the network itself."""
    torch.manual_seed(0)
    model, x = surgery_bodies.mlp()
    (_, pair) = find_pairs(model)
    manager = espalier.DistillationApoptosis(
        model, ["3"], 0.2, 1, maturity=0, distillation_steps=3, generator=generator()
    )
    caught = []
    handle = pair.consumer.register_forward_hook(lambda m, a, out: caught.append(out.detach()))
    model(x).square().mean().backward()
    manager.step()
    model(x)
    handle.remove()
    estimate = next(e.drift for e in manager.lineage.events if e.op == "death")
    measured = (caught[-2] - caught[-1]).square().sum(1).mean()
    assert estimate == pytest.approx(float(measured), rel=0.02)


def test_ways_to_die_and_be_born_are_not_for_distillation():
    with pytest.raises(ValueError, match="birth='split': must be left out"):
        Training(espalier.DistillationApoptosis, surgery_bodies.mlp, birth="split")
    with pytest.raises(ValueError, match="distillation_steps=-1: must be 0 or more"):
        Training(espalier.DistillationApoptosis, surgery_bodies.mlp, distillation_steps=-1)


def test_fewer_survivors_express_less():
    """A death by hand, as strategies do it: expressed by a basis of one's own."""
    _, _, seen = observations(surgery_bodies.mlp)[0]
    dead, size = torch.arange(4), seen.pair.size
    few = torch.arange(4, size, 2)
    by_few = death.substitute_basis(dead, dead, seen.statistics, few)
    by_all = death.substitute_survivors(seen.pair, dead, seen.statistics)
    assert by_few.rest.trace() > by_all.rest.trace()
    assert death.kill(EditContext(seen.pair), by_few) > 0
