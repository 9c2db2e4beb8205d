"""Wanda against its rule written anew."""

from __future__ import annotations

from dataclasses import replace

import loops
import numpy as np
import pytest
import reference_pruning
import torch
from reference_pruning import PLANS, START, Array, Reference
from torch import nn

from espalier.core.contracts import CannotTrain
from espalier.methods.pruning.wanda import Wanda, input_squares
from espalier.optimizers.sgd import SGD

EVERYTHING = 6  # batches


def rule(reference: Reference) -> list[Array]:
    """|w_ij| ||x_j||, over all samples."""
    x, _ = reference_pruning.everything()
    inputs = [x, reference.hidden(x)]
    pairs = zip(reference.matrices, inputs, strict=True)
    return [np.abs(w) * np.sqrt((each**2).sum(0)) for w, each in pairs]


def make(plan):
    return Wanda(plan, rounds=1, batches=EVERYTHING)


@pytest.mark.parametrize("timing", PLANS)
def test_a_run_is_that_of_its_rule(timing: str) -> None:
    run = reference_pruning.compare(make, rule, timing)
    events = 1 if timing in ("start", "one_shot") else len(PLANS[timing][1])
    assert run.method.measures(run)["criterion_updates"] == EVERYTHING * events


def test_units_are_compared_with_themselves_and_lose_the_same() -> None:
    """As published: in each row the smallest go, and the layer meets its share exactly."""
    run = reference_pruning.run_of(make(replace(START, target=0.5, allocation="per_unit")))
    reference = Reference.of(reference_pruning.network())
    masks = run.method_state.masks.split(run.method_state.masks.mask)
    for scores, mask in zip(rule(reference), masks, strict=True):
        half = scores.shape[1] // 2
        for row, pruned in zip(scores, mask.numpy(), strict=True):
            assert set(np.argsort(row)[:half]) == set(np.flatnonzero(pruned))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2),
        nn.Conv2d(4, 2, (2, 3), padding=1, padding_mode="circular", dilation=2),
        nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2),
    ],
)
def test_a_kernel_meets_all_values_that_it_is_multiplied_by(layer: nn.Module) -> None:
    """One weight alone: the sum of squares of the layer's outputs is that of its inputs."""
    torch.manual_seed(0)
    layer, x = layer.double(), torch.randn(3, 4, 7, 6, dtype=torch.float64)
    squares = input_squares(layer, x)
    layer.bias.data.zero_()
    for place in np.ndindex(*layer.weight.shape):
        layer.weight.data.zero_()
        layer.weight.data[place] = 1.0
        assert torch.isclose(layer(x).square().sum(), squares[place])


def test_a_layer_whose_inputs_cannot_be_seen_is_refused() -> None:
    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.head = nn.MultiheadAttention(4, 2), nn.Linear(16, 4)

        def forward(self, x):
            rows = x.flatten(0, 1)
            return self.head(self.attention(rows, rows, rows)[0].flatten(1))

    with pytest.raises(CannotTrain, match="attention.in_proj_weight: what this weight"):
        loops.run_of(SGD(), make(START), model=Attending())


def test_no_hook_stays() -> None:
    run = reference_pruning.run_of(make(START))
    assert not any(module._forward_pre_hooks for module in run.model.modules())
