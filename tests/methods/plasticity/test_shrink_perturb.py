"""Shrink and perturb against its rule written anew."""

from __future__ import annotations

import numpy as np
import pytest
import reference_plasticity
import torch

from espalier.methods.plasticity.shrink_perturb import ShrinkAndPerturb

EACH = 20  # updates of a task


@pytest.mark.parametrize("when", ["task", "update"])
def test_a_run_is_that_of_its_rule(when) -> None:
    run, reference = reference_plasticity.pair(ShrinkAndPerturb(when=when, factor=0.9, noise=0.02))
    stream = torch.Generator().manual_seed(0)
    for step in range(100):
        if step and step % EACH == 0:
            run.method.before_task(run)
        reference_plasticity.advance(run, step)
        if when == "task" and step and step % EACH == 0:
            disturb(reference, stream)
        for w, g in zip(reference.values, reference.gradients(step), strict=True):
            w -= reference_plasticity.RATE * g
        if when == "update":
            disturb(reference, stream)
    reference_plasticity.assert_same(run, reference)


def disturb(reference: reference_plasticity.Reference, stream: torch.Generator) -> None:
    for w in reference.values:
        noise = torch.randn(w.shape, dtype=torch.float64, generator=stream).numpy()
        w[:] = 0.9 * w + 0.02 * noise


def test_noise_has_the_deviation_that_was_set_and_frozen_values_stay() -> None:
    run, reference = reference_plasticity.pair(ShrinkAndPerturb(when="task", factor=0, noise=0.5))
    run.model[1].bias.requires_grad_(False)
    for _ in range(200):
        run.method.before_task(run)
        drawn = run.model[1].weight.detach().flatten().numpy()
        assert np.abs(drawn).max() < 0.5 * 6
    assert np.array_equal(run.model[1].bias.numpy(), reference.values[1])
