"""L2 Init against its rule written anew."""

from __future__ import annotations

import reference_plasticity
import torch

from espalier.methods.plasticity.l2_init import L2Init


def test_a_run_is_that_of_its_rule() -> None:
    """w - rate (gradient of the loss + 2 lambda (w - first))."""
    run, reference = reference_plasticity.pair(L2Init(strength=0.05))
    first = [w.copy() for w in reference.values]
    for step in range(100):
        reference_plasticity.advance(run, step)
        grads = reference.gradients(step)
        for w, g, w0 in zip(reference.values, grads, first, strict=True):
            w -= reference_plasticity.RATE * (g + 2 * 0.05 * (w - w0))
    reference_plasticity.assert_same(run, reference)
    squares = sum(((w - w0) ** 2).sum() for w, w0 in zip(reference.values, first, strict=True))
    assert abs(run.method.measures(run)["distance_from_start"] - squares**0.5) < 1e-6


def test_the_first_values_are_part_of_the_state() -> None:
    run, _ = reference_plasticity.pair(L2Init(strength=0.05))
    first = [w.clone() for w in run.method_state]
    other, _ = reference_plasticity.pair(L2Init(strength=0.05))
    for w in other.method_state:
        w.zero_()
    other.method.load_state_dict(other, run.method.state_dict(run))
    assert all(torch.equal(a, b) for a, b in zip(other.method_state, first, strict=True))
