"""SynFlow against its rule written anew."""

from __future__ import annotations

import math
from dataclasses import replace

import loops
import numpy as np
import pytest
import reference_pruning
import torch
from reference_pruning import PLANS, START, STEPS, Array, Reference
from torch import nn

from espalier.core.contracts import CannotTrain
from espalier.core.samples import Split
from espalier.methods.pruning.synflow import SynFlow, synaptic_flow
from espalier.optimizers.sgd import SGD

ROUNDS = 100


def rule(reference: Reference) -> list[Array]:
    """|w| dR/d|w| with R = sum of |W2| (|W1| 1 + |b1|) + |b2|: all is positive, so ReLU is idle."""
    first, bias, second, _ = (np.abs(w) for w in reference.weights)
    hidden = first.sum(1) + bias
    return [first * second.sum(0)[:, None], second * hidden[None]]


@pytest.mark.parametrize("timing", PLANS)
def test_a_run_is_that_of_its_rule(timing: str) -> None:
    """In rounds at each change of the masks, from where they are; a hundred at the start."""
    plan, when = PLANS[timing]
    rounds = ROUNDS if timing == "start" else 10
    method = SynFlow(plan, rounds=rounds)
    run = reference_pruning.run_of(method, reference_pruning.network(nn.ReLU))
    reference_pruning.train(run, STEPS)
    reference = Reference.of(reference_pruning.network(nn.ReLU), "relu")
    for step in range(STEPS + 1):
        if step in when:
            before = 1 - sum(m.sum() for m in reference.masks) / reference_pruning.SIZE
            for done in range(1, rounds + 1):
                left = ((1 - when[step]) / (1 - before)) ** (done / rounds)
                reference.prune(rule(reference), 1 - (1 - before) * left)
        if step < STEPS:
            reference.update(step)
    reference_pruning.assert_same(run, reference)
    updates = run.method.measures(run)["criterion_updates"]
    assert math.isclose(updates, len(when) * rounds / loops.BATCH)  # one sample each


def test_flow_is_conserved_from_layer_to_layer() -> None:
    """Theorem 1 there, in a network without biases, and with convolutions."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 2, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(4, 5, bias=False),
    )  # fmt: skip
    weights = list(model.parameters())
    before = [w.detach().clone() for w in weights]
    flows = [float(s.sum()) for s in synaptic_flow(model, weights, torch.zeros(1, 1, 4, 4))]
    assert np.allclose(flows, flows[0], rtol=1e-12)
    assert loops.same(before, [w.detach() for w in weights])
    assert all(w.dtype == torch.float32 and w.requires_grad for w in weights)


def test_data_have_no_part_in_it() -> None:
    masks = []
    for value in (0.0, torch.nan):
        run = reference_pruning.run_of(SynFlow(replace(START, timing="rounds"), rounds=3))
        run.train = Split(run.train.x * value, run.train.y)
        run.method.prune(run, 0.8)
        masks.append(run.method_state.masks.mask)
    assert torch.equal(*masks)


def test_no_layer_goes_as_a_whole_where_one_measurement_would_take_it() -> None:
    """Axiom of the paper: 10 weights are left for two layers, and each keeps some."""
    run = reference_pruning.run_of(SynFlow(replace(START, target=110 / 120), rounds=ROUNDS))
    parts = run.method_state.masks.split(run.method_state.masks.mask)
    assert [int((~part).sum()) for part in parts] != [0, 10]
    assert min(int((~part).sum()) for part in parts) > 0


def test_a_network_that_looks_its_inputs_up_is_refused() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
    run = loops.run_of(SGD(), SynFlow(replace(START, timing="rounds"), rounds=2), model=model)
    run.train = Split(run.train.x.long(), run.train.y)
    with pytest.raises(CannotTrain, match="int64: a network that looks them up"):
        run.method.prune(run, 0.5)
