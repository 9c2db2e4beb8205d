"""Optimal brain damage against its rule written anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import reference_pruning
import torch
from reference_pruning import PLANS, START, Array, Reference

from espalier.core.contracts import CannotTrain
from espalier.methods.pruning.obd import OptimalBrainDamage, _roots

EVERYTHING = 6  # batches
SAMPLES = 48


def fisher(reference: Reference) -> list[Array]:
    """Squared gradients of one sample after the other."""
    total = [np.zeros_like(w) for w in reference.matrices]
    x, y = reference_pruning.everything()
    for i in range(SAMPLES):
        for into, g in zip(
            total, reference.gradients(x[i : i + 1], y[i : i + 1])[::2], strict=True
        ):
            into += g**2 / SAMPLES
    return saliency(reference, total)


def gauss_newton(reference: Reference) -> list[Array]:
    """J^T (diag(p) - p p^T) J of one sample after the other, with J row by row."""
    total = [np.zeros_like(w) for w in reference.matrices]
    x, _ = reference_pruning.everything()
    for i in range(SAMPLES):
        sample = x[i : i + 1]
        p = reference.shares(sample)[0]
        rows = [reference.pull_back(sample, np.eye(4)[c : c + 1])[::2] for c in range(4)]
        middle = np.diag(p) - np.outer(p, p)
        for layer, into in enumerate(total):
            jacobian = np.stack([row[layer] for row in rows])
            into += np.einsum("cij,cd,dij->ij", jacobian, middle, jacobian) / SAMPLES
    return saliency(reference, total)


def saliency(reference: Reference, diagonal: list[Array]) -> list[Array]:
    return [h * w**2 / 2 for h, w in zip(diagonal, reference.matrices, strict=True)]


def hessian(reference: Reference) -> Array:
    """Of the mean loss by both matrices in a row, by differences of gradients by hand."""
    columns, step = [], 1e-5
    for w in reference.matrices:
        for place in np.ndindex(*w.shape):
            sides = []
            for sign in (1, -1):
                w[place] += sign * step
                grads = reference.gradients(*reference_pruning.everything())[::2]
                sides.append(np.concatenate([g.ravel() for g in grads]))
                w[place] -= sign * step
            columns.append((sides[0] - sides[1]) / (2 * step))
    return np.stack(columns, 1)


@pytest.mark.parametrize("timing", PLANS)
@pytest.mark.parametrize(
    ("curvature", "rule"), [("fisher", fisher), ("gauss_newton", gauss_newton)]
)
def test_a_run_is_that_of_its_rule(curvature, rule, timing: str) -> None:
    def make(plan):
        return OptimalBrainDamage(plan, rounds=1, batches=EVERYTHING, curvature=curvature)

    run = reference_pruning.compare(make, rule, timing)
    events = 1 if timing in ("start", "one_shot") else len(PLANS[timing][1])
    each = {"fisher": 1, "gauss_newton": 4}[curvature]
    assert run.method.measures(run)["criterion_updates"] == EVERYTHING * events * each


def test_hutchinson_is_z_times_hz_and_tends_to_the_diagonal() -> None:
    method = OptimalBrainDamage(
        replace(START, timing="rounds", rounds=1),
        rounds=1, batches=1, curvature="hutchinson", probes=400,
    )  # fmt: skip
    run = reference_pruning.run_of(method)
    run.batch_size = SAMPLES  # all of them
    reference = Reference.of(reference_pruning.network())
    exact, state = hessian(reference), run.generators["method"].get_state()
    scores = [x.detach().numpy() for x in method.saliencies(run)]
    assert run.method_state.criterion_updates == 800
    generator = torch.Generator()
    generator.set_state(state)
    torch.randint(2**31, (), generator=generator)
    torch.randperm(SAMPLES, generator=generator)
    total = np.zeros(len(exact))
    for _ in range(400):
        drawn = [torch.randint(2, w.shape, generator=generator) for w in reference.matrices]
        z = np.concatenate([2.0 * d.numpy().ravel() - 1 for d in drawn])
        total += z * (exact @ z) / 400
    flat = np.concatenate([s.ravel() for s in scores])
    w = np.concatenate([m.ravel() for m in reference.matrices])
    np.testing.assert_allclose(flat, total * w**2 / 2, atol=1e-6, rtol=0)
    off = exact - np.diag(np.diag(exact))
    error = np.sqrt((off**2).sum(1) / 400)  # of a mean of so many
    assert (np.abs(total - np.diag(exact)) < 5 * error).all()


def test_roots_of_the_curvature_of_cross_entropy() -> None:
    logits = torch.tensor([[0.0, 1.0, -2.0]], dtype=torch.float64)
    p = logits.softmax(1)[0]
    roots = _roots(logits)
    assert torch.allclose(roots.T @ roots, p.diag() - torch.outer(p, p), atol=1e-15)
    with pytest.raises(CannotTrain, match="take fisher or hutchinson"):
        _roots(torch.zeros(1, 8, 3))
