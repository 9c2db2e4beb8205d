"""The networks for CIFAR in packs, in float64, and what their blocks compute."""

from __future__ import annotations

import functools

import packing
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from espalier.core.samples import SampleShape
from espalier.models.resnet_cifar import ResNetCifar
from espalier.surgery.pairing.pairs import find_pairs

WISHES = {"MODEL": "resnet_cifar", "NUM_EPOCHS": "4", "PRUNING_RAMP_END_EPOCH": "3"}


def model(shortcut: str) -> nn.Module:
    torch.manual_seed(0)
    spec = ResNetCifar(blocks=1, width=2, shortcut=shortcut)
    return spec.build(SampleShape(1, 4, 4, packing.CLASSES))


def test_a_stage_is_what_the_paper_says() -> None:
    """Option A: the input itself, every second pixel of it, and zeros for new channels."""
    net = model("padded").eval()
    block, x = net.get_submodule("stages.1"), torch.randn(2, 2, 4, 4)
    first, second = (net.get_submodule(f"stages.1.branch.{place}.0") for place in (0, 2))
    assert isinstance(first, nn.Conv2d) and isinstance(second, nn.Conv2d)
    hidden = F.conv2d(x, first.weight, stride=2, padding=1) / (1 + 1e-5) ** 0.5
    branch = F.conv2d(hidden.relu(), second.weight, padding=1) / (1 + 1e-5) ** 0.5
    shortcut = torch.zeros(2, 4, 2, 2)
    shortcut[:, :2] = x[:, :, ::2, ::2]
    torch.testing.assert_close(block(x), (branch + shortcut).relu())


def test_neurons_are_the_channels_inside_the_blocks() -> None:
    names = [pair.name for pair in find_pairs(model("padded"))]
    assert names == [f"stages.{i}.branch.0.0" for i in range(3)]


@pytest.mark.parametrize(
    ("shortcut", "optimizer", "method"),
    [("padded", "sgd", "magnitude"), ("projected", "adamwprune", "state")],
)
def test_a_pack_is_the_trials_alone(shortcut: str, optimizer: str, method: str) -> None:
    values = [packing.varied(WISHES, k, OPTIMIZER=optimizer, PRUNING_METHOD=method) for k in (0, 1)]
    build, images = functools.partial(model, shortcut), packing.split(4)
    packed = packing.train([packing.trainer(value, build, images) for value in values])
    for value, outcome in zip(values, packed, strict=True):
        (alone,) = packing.train([packing.trainer(value, build, images)])
        packing.assert_same(alone, outcome)
