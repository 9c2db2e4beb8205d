"""Optimal brain surgeon on blocks against WoodFisher's recursion written anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import reference_pruning
import torch
from reference_pruning import PLANS, START, STEPS, Array, Reference

from espalier.methods.pruning.obd import OptimalBrainDamage
from espalier.methods.pruning.obs import OptimalBrainSurgeon
from espalier.optimizers.schedulefree import ScheduleFree

EVERYTHING = 6  # batches
SAMPLES, DAMPING, BLOCK = 48, 1e-3, 10  # of 96 and 24 weights: the last blocks are smaller


def inverses(reference: Reference) -> list[list[Array]]:
    """F^-1 of each block of each matrix, one sample after the other (Sherman and Morrison)."""
    masks = [m.ravel() for m in reference.masks]
    cuts = [range(0, m.size, BLOCK) for m in masks]
    held = [
        [np.eye(min(BLOCK, m.size - a)) / DAMPING for a in starts]
        for m, starts in zip(masks, cuts, strict=True)
    ]
    x, y = reference_pruning.everything()
    for i in range(SAMPLES):
        grads = reference.gradients(x[i : i + 1], y[i : i + 1])[::2]
        for layer, (g, m) in enumerate(zip(grads, masks, strict=True)):
            for n, a in enumerate(cuts[layer]):
                own, inverse = (g.ravel() * m)[a : a + BLOCK], held[layer][n]
                along = inverse @ own
                held[layer][n] = inverse - np.outer(along, along) / (SAMPLES + own @ along)
    return held


def costs(reference: Reference, held: list[list[Array]]) -> list[Array]:
    """w_q^2 / (2 [F^-1]_qq)."""
    diagonals = [np.concatenate([np.diag(b) for b in blocks]) for blocks in held]
    pairs = zip(reference.matrices, diagonals, strict=True)
    return [w**2 / (2 * d.reshape(w.shape)) for w, d in pairs]


def trained(when: dict[int, float]) -> Reference:
    """Prune, and let what stays in each block adapt, by the weights as they were before."""
    reference = Reference.of(reference_pruning.network())
    for step in range(STEPS + 1):
        if step in when:
            held, before = inverses(reference), [w.copy() for w in reference.matrices]
            old = [m.copy() for m in reference.masks]
            reference.prune(costs(reference, held), when[step])
            for layer, w in enumerate(before):
                gone = (old[layer] - reference.masks[layer]).ravel()
                change = np.zeros(w.size)
                for n, a in enumerate(range(0, w.size, BLOCK)):
                    for q in np.flatnonzero(gone[a : a + BLOCK]):
                        inverse = held[layer][n]
                        change[a : a + BLOCK] -= w.ravel()[a + q] / inverse[q, q] * inverse[:, q]
                reference.matrices[layer][...] += change.reshape(w.shape)
            reference.zero()
        if step < STEPS:
            reference.update(step)
    return reference


@pytest.mark.parametrize("timing", PLANS)
def test_a_run_is_that_of_its_rule(timing: str) -> None:
    plan, when = PLANS[timing]
    method = OptimalBrainSurgeon(
        plan, rounds=1, batches=EVERYTHING, block=BLOCK, damping=DAMPING, adapt=True
    )
    run = reference_pruning.train(reference_pruning.run_of(method), STEPS)
    reference_pruning.assert_same(run, trained(when))
    assert run.method_state.memory == []  # nothing is held beyond a measurement


@pytest.mark.parametrize("adapt", [True, False])
def test_on_the_diagonal_nothing_adapts_and_the_order_is_that_of_brain_damage(adapt: bool) -> None:
    """F_qq + damping in place of F_qq; with 1e-12 of it the masks are the same."""
    surgeon = OptimalBrainSurgeon(
        START, rounds=1, batches=EVERYTHING, block=1, damping=1e-12, adapt=adapt
    )
    damage = OptimalBrainDamage(START, rounds=1, batches=EVERYTHING, curvature="fisher")
    runs = [reference_pruning.run_of(method) for method in (surgeon, damage)]
    assert (runs[0].method_state.masks.mask == runs[1].method_state.masks.mask).all()
    for ours, theirs in zip(*map(reference_pruning.weights_of, runs), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_adapting_lowers_the_loss_that_pruning_costs() -> None:
    losses = []
    for adapt in (True, False):
        method = OptimalBrainSurgeon(
            replace(START, target=0.3, timing="one_shot", ramp_end_epoch=16),
            rounds=1, batches=EVERYTHING, block=96, damping=1e-4, adapt=adapt,
        )  # fmt: skip
        run = reference_pruning.train(reference_pruning.run_of(method), STEPS)
        reference, (x, y) = Reference.of(run.model), reference_pruning.everything()
        losses.append(-np.log(reference.shares(x)[np.arange(SAMPLES), y]).mean())
    assert losses[0] < losses[1]


def test_a_network_that_has_diverged_is_no_error_of_the_decomposition() -> None:
    model = reference_pruning.network()
    with torch.no_grad():
        next(model.parameters()).fill_(torch.nan)
    method = OptimalBrainSurgeon(START, rounds=1, batches=1, block=BLOCK, damping=1.0, adapt=True)
    run = reference_pruning.run_of(method, model)
    assert run.method_state.masks.sparsity == pytest.approx(START.target, abs=0.01)


def test_an_average_adapts_as_the_points_of_gradients_do() -> None:
    """Plain steps, points of gradients and average are all changed by the same."""
    free = ScheduleFree(beta1=0.5, beta2=0.9, epsilon=1e-8, warmup=0, weight_decay=0.0)
    method = OptimalBrainSurgeon(
        replace(START, target=0.3, timing="one_shot", ramp_end_epoch=16),
        rounds=1, batches=EVERYTHING, block=BLOCK, damping=DAMPING, adapt=True,
    )  # fmt: skip
    run = reference_pruning.train(reference_pruning.run_of(method, optimizer=free), STEPS - 1)
    masks = run.method_state.masks
    method.scores(run)
    gone = torch.zeros(sum(w.numel() for w in masks.weights), dtype=torch.bool)
    gone[::3] = True

    def places() -> list[torch.Tensor]:
        points = [w.detach().clone() for w in masks.weights]
        bases = [run.optimizer.state[w]["z"].clone() for w in masks.weights]
        run.optimizer.eval()
        averages = [w.detach().clone() for w in masks.weights]
        run.optimizer.train()
        return [torch.cat([x.flatten() for x in held]) for held in (points, bases, averages)]

    before = places()
    with torch.no_grad():
        method.compensate(run, gone)
    points, bases, averages = (b - a for a, b in zip(before, places(), strict=True))
    assert points.abs().max() > 1e-3
    torch.testing.assert_close(bases, points)
    torch.testing.assert_close(averages, points)
