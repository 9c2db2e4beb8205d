"""Calls of batch normalisation that a mode takes over, and models that it cannot help."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.train.norms.norm_calls import (
    Moments,
    NormCall,
    NormMode,
    batch_norms,
    sum_channels,
    why_not_whole,
)


class Fixed(NormMode):
    """Normalises by mean 1 and variance 4, and counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def apply(self, call: NormCall) -> Tensor:
        self.calls += 1
        return call.normalise(Moments(torch.ones(2), torch.full((2,), 4.0), torch.tensor(5.0)))


@pytest.mark.parametrize("dims", [0, 1, 2, 3])
def test_layers_of_every_dimension_are_taken_over(dims: int) -> None:
    layer = [nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d][dims](2, eps=0)
    nn.init.constant_(layer.weight, 3.0)
    nn.init.constant_(layer.bias, 0.5)
    x = torch.randn(4, 2, *[3] * dims)
    with Fixed() as mode:
        torch.testing.assert_close(layer(x), (x - 1) / 2 * 3 + 0.5)
    assert mode.calls == 1
    torch.testing.assert_close(layer.running_mean, torch.full((2,), 0.1))
    torch.testing.assert_close(layer.running_var, torch.full((2,), 0.9 + 0.1 * 5))  # 4 * 5/4


def test_evaluation_and_other_layers_are_left_alone() -> None:
    x = torch.randn(4, 2, 3)
    with Fixed() as mode:
        nn.BatchNorm1d(2).eval()(x)
        nn.InstanceNorm1d(2)(x)
        nn.LayerNorm(3)(x)
    assert mode.calls == 0


def test_a_call_without_a_layer_is_taken_over() -> None:
    with Fixed() as mode:
        F.batch_norm(torch.randn(4, 2), None, None, training=True)
    assert mode.calls == 1


def test_sums_of_channels() -> None:
    x = torch.arange(12.0).view(2, 3, 2)
    assert sum_channels(x).tolist() == [0 + 1 + 6 + 7, 2 + 3 + 8 + 9, 4 + 5 + 10 + 11]


def test_what_cannot_be_normalised_as_a_whole() -> None:
    plain = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert why_not_whole(plain, compiled=False) == ""
    assert why_not_whole(plain, compiled=True).endswith("set CONFIG_COMPILE=n")
    assert why_not_whole(nn.Linear(2, 2), compiled=True) == ""
    assert "use them in place of nn.SyncBatchNorm" in why_not_whole(nn.SyncBatchNorm(2), False)
    assert batch_norms(plain) == [plain[1]]
