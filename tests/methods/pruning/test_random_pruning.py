"""Random pruning: exact counts, and every weight as likely as any other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import reference_pruning
import torch
from reference_pruning import PLANS, START, Array, Reference

from espalier.methods.pruning.random_pruning import RandomWeights


@pytest.mark.parametrize("timing", PLANS)
def test_a_run_is_that_of_its_rule(timing: str) -> None:
    generator = torch.Generator().manual_seed(0)

    def draw(reference: Reference) -> list[Array]:
        return [torch.rand(w.shape, generator=generator).numpy() for w in reference.matrices]

    reference_pruning.compare(RandomWeights, draw, timing)


def test_each_weight_goes_as_often() -> None:
    run = reference_pruning.run_of(RandomWeights(replace(START, target=0.5)))
    times = torch.zeros(reference_pruning.SIZE)
    for _ in range(200):
        run.attach()
        assert run.method_state.masks.pruned == 60
        times += run.method_state.masks.mask
    assert times.min() > 65 and times.max() < 135  # 5 standard errors of 7.1 about 100


def test_each_layer_loses_its_share_per_layer() -> None:
    run = reference_pruning.run_of(RandomWeights(replace(START, allocation="per_layer")))
    parts = run.method_state.masks.split(run.method_state.masks.mask)
    assert [int(part.sum()) for part in parts] == [77, 19]  # 19.2 and 4.8 of 96 and 24 stay
