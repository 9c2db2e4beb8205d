"""Concatenated ReLU: what goes on, and trials in a pack."""

from __future__ import annotations

import pytest
import torch
from trial_tasks import numbers, small_task

from espalier.core.trial import Status
from espalier.layers.concatenated_relu import ConcatenatedReLU
from espalier.train import worker_entry


def test_the_gradient_of_a_negative_number_is_not_lost() -> None:
    x = torch.tensor([[3.0, -2.0]], requires_grad=True)
    ConcatenatedReLU()(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[1, -1]]


@pytest.mark.parametrize("change", [{"MLP_ACTIVATION": "crelu"}, {"MLP_LAYER_NORM": "y"}])
def test_packs_of_such_networks_are_equal_to_alone(change: dict[str, str]) -> None:
    base = {"PRUNING_METHOD": "none", "MLP_WIDTH": "8", **change}
    some = [small_task(**base, SEED=seed) for seed in ("1", "2")]
    for place, together in worker_entry.train_pack(some):
        assert together.status is Status.PASSED and together.provenance.pack_size == 2
        alone = worker_entry.train_trial(some[place])
        for a, b in zip(numbers(together)[0], numbers(alone)[0], strict=True):
            assert a == pytest.approx(b, rel=1e-4)
