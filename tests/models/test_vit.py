"""A vision transformer: what it computes, where it is pruned, and packs of it, in float64."""

from __future__ import annotations

import functools
import math
from typing import Any

import packing
import pytest
import torch
from torch import Tensor, nn

from espalier.core.contracts import CannotTrain
from espalier.core.samples import SampleShape
from espalier.models.vit import ViT
from espalier.sparse.prunable import cover
from espalier.surgery.pairing.pairs import search_pairs

SHAPE = SampleShape(1, 4, 4, packing.CLASSES)
WISHES = {"MODEL": "vit", "NUM_EPOCHS": "5", "PRUNING_RAMP_END_EPOCH": "3"}


def model(**fields: Any) -> nn.Module:
    torch.manual_seed(0)
    return ViT(**{"patch": 2, "width": 8, "layers": 2, "heads": 2, "inner": 12, **fields}).build(
        SHAPE
    )


def by_the_paper(state: dict[str, Tensor], image: Tensor) -> Tensor:
    """Equations 1 to 4 for one image (1, 4, 4), patch 2, 2 heads of 4 features."""
    filters = state["patches.weight"].flatten(1)
    tokens = [state["places.token.weight"][0]]
    for row in (0, 2):
        for column in (0, 2):
            patch = image[:, row : row + 2, column : column + 2].flatten()
            tokens.append(filters @ patch + state["patches.bias"])
    z = torch.stack(tokens) + state["places.positions.weight"]
    for block in ("blocks.0", "blocks.1"):
        q, k, v = affine(state, f"{block}.attention.qkv", norm(state, f"{block}.norm1", z)).split(
            8, 1
        )
        heads = []
        for part in (slice(0, 4), slice(4, 8)):
            shares = (q[:, part] @ k[:, part].T / math.sqrt(4)).exp()
            heads.append(shares / shares.sum(1, keepdim=True) @ v[:, part])
        z = z + affine(state, f"{block}.attention.out_proj", torch.cat(heads, 1))
        inner = affine(state, f"{block}.ffn.0", norm(state, f"{block}.norm2", z))
        z = z + affine(state, f"{block}.ffn.3", inner * (1 + torch.erf(inner / math.sqrt(2))) / 2)
    return affine(state, "head", norm(state, "norm", z)[:1])[0]


def affine(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    centred = x - x.mean(1, keepdim=True)
    scaled = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
    return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]


def test_logits_are_those_of_the_formulas() -> None:
    net = model().double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) / 3)
        images = torch.randn(3, 1, 4, 4, dtype=torch.float64)
        expected = torch.stack([by_the_paper(net.state_dict(), image) for image in images])
        torch.testing.assert_close(net(images), expected)


def test_it_begins_as_documented() -> None:
    net = ViT().build(SampleShape(3, 32, 32, 10))
    assert not net.get_parameter("places.token.weight").any()
    positions = net.get_parameter("places.positions.weight").detach()
    assert float(positions.std()) == pytest.approx(0.02, rel=0.05)
    bound = math.sqrt(6 / (3 * 16 + 64))  # inputs of a patch, and features
    filters = float(net.get_parameter("patches.weight").detach().abs().max())
    assert 0.95 * bound < filters <= bound
    biases = [p for name, p in net.named_parameters() if name.endswith("bias")]
    assert len(biases) == 2 + 4 * 6 + 1 and not any(bool(bias.any()) for bias in biases)


def test_all_of_attention_and_the_patches_can_be_pruned() -> None:
    coverage = cover(model())
    kinds = ["attention.qkv", "attention.out_proj", "ffn.0", "ffn.3"]
    blocks = [f"blocks.{i}.{kind}.weight" for i in range(2) for kind in kinds]
    assert list(coverage.weights) == ["patches.weight", *blocks, "head.weight"]
    assert set(coverage.left_out) == {"places.token.weight", "places.positions.weight"}


def test_neurons_are_those_of_the_inner_layers() -> None:
    search = search_pairs(model(), None, torch.zeros(1, 1, 4, 4))
    assert [pair.name for pair in search.pairs] == ["blocks.0.ffn.0", "blocks.1.ffn.0"]
    assert "blocks.0.attention.qkv" in search.refused


@pytest.mark.parametrize(
    ("fields", "rule"),
    [({"patch": 3}, "VIT_PATCH=3: must divide .*, 4x4"), ({"heads": 3}, "VIT_HEADS=3: must div")],
)
def test_what_does_not_fit_is_one_line(fields: dict[str, int], rule: str) -> None:
    spec = ViT(**{"width": 8, "patch": 2, **fields})
    for ask in (spec.build, spec.parameters):
        with pytest.raises(CannotTrain, match=rule):
            ask(SHAPE)


@pytest.mark.parametrize(
    ("fields", "optimizer", "method"),
    [
        ({}, "adamw", "magnitude"),
        ({}, "adamwprune", "state"),
        ({"dropout": 0.3}, "sgd", "none"),
        ({}, "adamw", "apoptosis_layers"),
    ],
    ids=str,
)
def test_a_pack_is_the_trials_alone(fields: dict[str, Any], optimizer: str, method: str) -> None:
    values = [packing.varied(WISHES, k, OPTIMIZER=optimizer, PRUNING_METHOD=method) for k in (0, 1)]
    build, images = functools.partial(model, **fields), packing.split(4)
    packed = packing.train([packing.trainer(value, build, images) for value in values])
    for value, outcome in zip(values, packed, strict=True):
        (alone,) = packing.train([packing.trainer(value, build, images)])
        packing.assert_same(alone, outcome)
