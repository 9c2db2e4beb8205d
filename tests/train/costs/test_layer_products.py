"""The operations of each kind of network, worked out by hand."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from espalier.core.samples import SampleShape, TokenShape
from espalier.layers.dendrites.dendritic_layer import DendriteKind, DendriticLayer
from espalier.layers.dendrites.kernels import Backend
from espalier.layers.masked_linear import MaskedLinear
from espalier.models.charlm import CharLM
from espalier.models.gpt import Gpt
from espalier.models.lenet5 import LeNet5
from espalier.models.mlp import Mlp
from espalier.models.resnet_cifar import ResNetCifar
from espalier.models.vit import ViT
from espalier.train.costs.layer_products import (
    Operations,
    count_of_weights,
    count_operations,
    find_products,
)

DIGITS = SampleShape(1, 8, 8, 10)
SMALL_TEXT = TokenShape(vocabulary=7, context=6)


def mlp() -> nn.Module:
    return Mlp(width=12, layers=2).build(DIGITS)


def gpt(**fields: Any) -> nn.Module:
    return Gpt(**{"width": 8, "layers": 2, "heads": 2, **fields}).build(SMALL_TEXT)


def test_mlp() -> None:
    layers = 64 * 12, 12 * 12, 12 * 10
    counted = count_operations(mlp(), torch.zeros(1, 1, 8, 8))
    forward = 2 * sum(layers)
    assert counted == Operations(forward, 2 * forward - 2 * layers[0])  # data needs no gradient
    assert counted.both == count_of_weights(sum(layers), layers[0])


def test_lenet5() -> None:
    layers = 28 * 28 * 6 * 25, 10 * 10 * 16 * 6 * 25, 400 * 120, 120 * 84, 84 * 10
    counted = count_operations(
        LeNet5().build(SampleShape(1, 32, 32, 10)), torch.zeros(1, 1, 32, 32)
    )
    assert counted.forward == 2 * sum(layers) == 833_040
    assert counted.backward == 4 * sum(layers) - 2 * layers[0]


def test_resnet_20() -> None:
    """Two convolutions a block, the first of a stage with half the channels at a quarter."""
    stem, head = 32 * 32 * 3 * 16 * 9, 64 * 10
    first = 6 * 32 * 32 * 16 * 16 * 9
    second = 16 * 16 * (16 * 32 + 5 * 32 * 32) * 9
    third = 8 * 8 * (32 * 64 + 5 * 64 * 64) * 9
    model = ResNetCifar(blocks=3, width=16, shortcut="padded").build(SampleShape(3, 32, 32, 10))
    counted = count_operations(model, torch.zeros(1, 3, 32, 32))
    total = stem + first + second + third + head
    assert total == 40_551_040  # "0.041 billion multiply-adds" of ResNet-20, as others count them
    assert counted == Operations(2 * total, 4 * total - 2 * stem)


def attention(places: int, width: int) -> int:
    """Queries times keys, and shares times values: whole squares, whatever a mask hides."""
    return 2 * places * places * width


def test_vit() -> None:
    """16 patches of 4 pixels and the class token, which alone reaches the head."""
    model = ViT(patch=2, width=8, layers=2, heads=2, inner=12, dropout=0.1).build(DIGITS)
    patches, places = 16 * 4 * 8, 17
    block = places * (8 * 24 + 8 * 8 + 2 * 8 * 12) + attention(places, 8)
    total = patches + 2 * block + 8 * 10
    counted = count_operations(model, torch.zeros(1, 1, 8, 8))
    assert counted == Operations(2 * total, 4 * total - 2 * patches)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_charlm(norm: Any) -> None:
    spec = CharLM(8, 2, 2, 12, 0.1, norm, "dense", None)
    block = 6 * (8 * 24 + 8 * 8 + 2 * 8 * 12) + attention(6, 8)
    total = 2 * block + 6 * 8 * 7  # characters are looked up
    counted = count_operations(spec.build(SMALL_TEXT), torch.zeros(1, 6, dtype=torch.int64))
    assert counted == Operations(2 * total, 4 * total)


@pytest.mark.parametrize("tied", [False, True])
def test_gpt(tied: bool) -> None:
    block = 6 * 12 * 8 * 8 + attention(6, 8)
    total = 2 * block + 6 * 8 * 7
    counted = count_operations(gpt(tied=tied), torch.zeros(1, 6, dtype=torch.int64))
    assert counted == Operations(2 * total, 4 * total)


def test_dendrites_have_the_same_count_whatever_sums_them() -> None:
    """A synapse and a dendrite are a weight each, in the whole batch and in places of a text."""
    for backend in get_args(Backend):
        layer = DendriticLayer(12, 5, 3, 4, kind=DendriteKind(backend=backend))
        synapses, dendrites = 2 * 5 * 3 * 4, 2 * 5 * 3
        forward, backward = synapses + dendrites, synapses + 2 * dendrites
        assert count_operations(layer, torch.zeros(1, 12)) == Operations(forward, backward)
    places = nn.Sequential(nn.Linear(12, 12), DendriticLayer(12, 5, 3, 4))
    counted = count_operations(places, torch.zeros(1, 7, 12))
    own = 7 * (5 * 3 * 4 + 5 * 3)
    assert counted == Operations(2 * (7 * 144 + own), 2 * (7 * 144 + 2 * own))


def test_masked_weights_of_layers_are_dense_alone() -> None:
    mask = torch.zeros(3, 4, dtype=torch.bool)
    mask[0, :2] = mask[2, 3] = True
    layer = MaskedLinear(mask)
    assert count_operations(layer, torch.zeros(1, 4)) == Operations(6, 6)
    assert [p.forward for p in find_products(layer, torch.zeros(1, 4))] == [24]


def test_frozen_weights_have_no_gradient() -> None:
    model = mlp()
    linears = [m for m in model.modules() if isinstance(m, nn.Linear)]
    linears[0].requires_grad_(False)
    linears[1].requires_grad_(False)
    counted = count_operations(model, torch.zeros(1, 1, 8, 8))
    assert counted.backward == 2 * 120  # nothing behind the output needs one


class ByTorch(nn.Module):
    """Attention by torch, a convolution and a product that no layer owns."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.last = nn.Parameter(torch.ones(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.attention(x, x, x, need_weights=False)[0]
        return (y @ self.last).sum(1)


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (mlp(), torch.zeros(1, 1, 8, 8)),
        (LeNet5().build(SampleShape(1, 32, 32, 10)), torch.zeros(1, 1, 32, 32)),
        (ResNetCifar(1, 4, "projected").build(SampleShape(3, 8, 8, 3)), torch.zeros(1, 3, 8, 8)),
        (ByTorch(), torch.zeros(1, 5, 8)),
    ],
    ids=["mlp", "lenet5", "resnet", "attention"],
)
def test_dense_counts_are_those_of_torch(model: nn.Module, x: Tensor) -> None:
    counted = count_operations(model, x)
    model.eval()
    with FlopCounterMode(display=False) as counter:
        logits = model(x)
    assert counted.forward == counter.get_total_flops()
    if not isinstance(model, ByTorch):  # torch counts what attention's backward pass computes anew
        with FlopCounterMode(display=False) as counter:
            F.cross_entropy(logits, torch.zeros(1, dtype=torch.int64)).backward()
        assert counted.backward == counter.get_total_flops()


def test_nothing_of_the_model_changes() -> None:
    model = LeNet5().build(SampleShape(1, 32, 32, 10)).train()
    before = {name: x.clone() for name, x in model.state_dict().items()}
    stream = torch.get_rng_state()
    find_products(model, torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert all(torch.equal(before[name], x) for name, x in model.state_dict().items())
    assert torch.equal(stream, torch.get_rng_state())
    assert model.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(p.grad is None for p in model.parameters())
