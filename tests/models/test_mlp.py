"""The multilayer perceptron with concatenated ReLU and with layer normalisation, by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from espalier.core.samples import SampleShape
from espalier.layers.concatenated_relu import ConcatenatedReLU
from espalier.models.mlp import Mlp

SHAPE = SampleShape(1, 2, 3, 4)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("activation", ["relu", "crelu"])
def test_logits_and_parameters_are_those_of_the_formula(activation, norm) -> None:
    torch.manual_seed(0)
    spec = Mlp(width=5, layers=2, activation=activation, layer_norm=norm)
    net, x = spec.build(SHAPE), torch.randn(7, 1, 2, 3)
    values = list(net.parameters())
    seen = x.flatten(1)
    for _ in range(2):
        seen = seen @ values.pop(0).T + values.pop(0)
        if norm:
            gain, shift = values.pop(0), values.pop(0)
            centred = seen - seen.mean(1, keepdim=True)
            deviation = (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
            seen = centred / deviation * gain + shift
        halves = [seen.clamp(min=0), (-seen).clamp(min=0)]
        seen = torch.cat(halves[: 2 if activation == "crelu" else 1], 1)
    torch.testing.assert_close(net(x), seen @ values.pop(0).T + values.pop(0))
    twice = 2 if activation == "crelu" else 1
    by_hand = (6 + 1) * 5 + (5 * twice + 1) * 5 + (5 * twice + 1) * 4 + (20 if norm else 0)
    assert sum(p.numel() for p in net.parameters()) == spec.parameters(SHAPE) == by_hand


def test_no_unit_of_concatenated_relu_is_silent() -> None:
    x = torch.tensor([[1.0, -2.0]])
    made = ConcatenatedReLU()(x)
    assert made.tolist() == [[1, 0, 0, 2]]
    assert torch.equal(made[:, :2] - made[:, 2:], x) and F.relu(x).tolist() == [[1, 0]]
