"""SNIP against its rule written anew."""

from __future__ import annotations

import numpy as np
import pytest
import reference_pruning
import torch
from reference_pruning import PLANS, START, Array, Reference

from espalier.core.samples import Split
from espalier.methods.pruning.snip import Snip

EVERYTHING = 6  # batches


def sensitivity(reference: Reference) -> list[Array]:
    """|w g| with the gradient over all data, as equation 5."""
    grads = reference.gradients(*reference_pruning.everything())
    return [np.abs(w * g) for w, g in zip(reference.matrices, grads[::2], strict=True)]


@pytest.mark.parametrize("timing", PLANS)
def test_a_run_is_that_of_its_rule(timing: str) -> None:
    def make(plan):
        return Snip(plan, rounds=1, batches=EVERYTHING)

    reference_pruning.compare(make, sensitivity, timing)


def test_one_batch_is_drawn_by_the_methods_generator_and_counted() -> None:
    run = reference_pruning.run_of(Snip(START, rounds=1, batches=1))
    generator = torch.Generator().manual_seed(0)
    torch.randint(2**31, (), generator=generator)  # what random parts of a model would draw from
    chosen = torch.randperm(48, generator=generator)[:8]
    split, reference = reference_pruning.data(), Reference.of(reference_pruning.network())
    grads = reference.gradients(split.x[chosen].flatten(1).numpy(), split.y[chosen].numpy())
    scores = [np.abs(w * g) for w, g in zip(reference.matrices, grads[::2], strict=True)]
    reference.prune(scores, 0.8)
    reference_pruning.assert_same(run, reference)
    assert run.method.measures(run)["criterion_updates"] == 1


def test_measured_in_rounds_it_looks_again_at_what_is_left() -> None:
    run = reference_pruning.run_of(Snip(START, rounds=4, batches=EVERYTHING))
    reference = Reference.of(reference_pruning.network())
    for done in range(1, 5):
        reference.prune(sensitivity(reference), 1 - 0.2 ** (done / 4))
    reference_pruning.assert_same(run, reference)
    assert run.method.measures(run)["criterion_updates"] == 4 * EVERYTHING


def test_it_never_looks_at_other_data_than_that_of_training() -> None:
    run = reference_pruning.run_of(Snip(START, rounds=1, batches=EVERYTHING))
    split = run.train
    run.validation = Split(split.x * torch.nan, split.y)
    run.attach()
    assert run.method_state.masks.pruned == round(0.8 * reference_pruning.SIZE)
    assert all(torch.isfinite(p).all() for p in run.model.parameters())
