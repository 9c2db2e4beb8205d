"""GraSP against its rule written anew."""

from __future__ import annotations

import numpy as np
import pytest
import reference_pruning
from reference_pruning import PLANS, Array, Reference

from espalier.methods.pruning.grasp import Grasp

EVERYTHING = 6  # batches
TEMPERATURE, STEP = 200.0, 1e-3


def rule(reference: Reference) -> list[Array]:
    """w * Hg with Hg by differences of gradients by hand, between w - e g and w + e g.

    Gradients at this temperature are near 1e-3: they are scaled for the difference.
    """
    x, y = reference_pruning.everything()

    def slopes() -> list[Array]:
        grads = reference.gradients(x, y, TEMPERATURE)[::2]
        return [g * m for g, m in zip(grads, reference.masks, strict=True)]

    def move(by: float) -> None:
        for w, g in zip(reference.matrices, direction, strict=True):
            w += by * g

    first = slopes()
    size = np.sqrt(sum((g**2).sum() for g in first))
    direction = [g / size for g in first]
    move(STEP)
    ahead = slopes()
    move(-2 * STEP)
    behind = slopes()
    move(STEP)
    parts = zip(reference.matrices, ahead, behind, strict=True)
    return [w * (a - b) / (2 * STEP) * size for w, a, b in parts]


@pytest.mark.parametrize("timing", PLANS)
def test_a_run_is_that_of_its_rule(timing: str) -> None:
    def make(plan):
        return Grasp(plan, rounds=1, batches=EVERYTHING, temperature=TEMPERATURE)

    run = reference_pruning.compare(make, rule, timing)
    events = 1 if timing in ("start", "one_shot") else len(PLANS[timing][1])
    assert run.method.measures(run)["criterion_updates"] == 3 * EVERYTHING * events


def test_scores_are_those_of_the_rule() -> None:
    method = Grasp(PLANS["gradual"][0], rounds=1, batches=EVERYTHING, temperature=TEMPERATURE)
    run = reference_pruning.run_of(method)
    theirs = rule(Reference.of(reference_pruning.network()))
    for ours, expected in zip(method.saliencies(run), theirs, strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(ours.detach().numpy() / scale, expected / scale, atol=1e-6)
