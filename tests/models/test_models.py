"""Every model on every shape of image, and sizes counted by hand."""

import pytest
import torch
from torch import nn

from espalier import component
from espalier.contracts import Model, SampleShape

SHAPES = [SampleShape(1, 8, 8, 10), SampleShape(3, 32, 32, 100), SampleShape(1, 28, 28, 10)]
SPECS = [(name, {}) for name in component.names("model")] + [("resnet50", {"stem": "large"})]


def build(name, shape, **fields):
    """The module for images as the data pipeline hands them over: resized if the model says so."""
    spec = component.find("model", name, Model)(**fields)
    side = spec.input_size
    height, width = (shape.height, shape.width) if side is None else (side, side)
    torch.manual_seed(0)
    resized = SampleShape(shape.channels, height, width, shape.classes)
    return spec.build(resized), torch.randn(3, shape.channels, height, width)


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("name", "fields"), SPECS)
def test_every_model_takes_every_shape(name, fields, shape):
    model, x = build(name, shape, **fields)
    with torch.no_grad():
        logits = model(x)
    assert logits.shape == (3, shape.classes)
    assert bool(torch.isfinite(logits).all())


@pytest.mark.parametrize("name", component.names("model"))
def test_every_parameter_gets_a_gradient(name):
    model, x = build(name, SHAPES[0])
    nn.functional.cross_entropy(model(x), torch.arange(3)).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("name", component.names("model"))
def test_initial_weights_follow_the_global_seed(name):
    first, second = build(name, SHAPES[0])[0], build(name, SHAPES[0])[0]
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


@pytest.mark.parametrize(
    ("name", "fields", "shape", "expected"),
    [
        # 64*128+128 + 128*128+128 + 128*10+10
        ("mlp", {}, (1, 8, 8, 10), 26_122),
        # 64*5+5 + 5*10+10
        ("mlp", {"width": 5, "layers": 1}, (1, 8, 8, 10), 385),
        # 1*6*25+6 + 12 + 6*16*25+16 + 32 + 400*120+120 + 120*84+84 + 84*10+10
        ("lenet5", {}, (1, 28, 28, 10), 61_750),
        ("resnet18", {}, (3, 32, 32, 10), 11_173_962),
        ("resnet50", {"stem": "small"}, (3, 32, 32, 100), 23_705_252),
        ("resnet50", {"stem": "large"}, (3, 32, 32, 100), 23_712_932),
    ],
)
def test_parameters_are_as_many_as_published(name, fields, shape, expected):
    assert parameters(build(name, SampleShape(*shape), **fields)[0]) == expected


def bottleneck(inputs, width, first):
    """Weights of one bottleneck: three convolutions, two numbers a channel for each norm."""
    outputs = 4 * width
    branch = inputs * width + 9 * width**2 + width * outputs + 2 * (width + width + outputs)
    return branch + (inputs * outputs + 2 * outputs if first else 0)


def test_the_bottlenecks_add_up():
    total, inputs = 0, 64
    for width, depth in zip((64, 128, 256, 512), (3, 4, 6, 3), strict=True):
        for place in range(depth):
            total += bottleneck(inputs, width, first=place == 0)
            inputs = 4 * width
    head = 2048 * 100 + 100
    assert total + head + 3 * 64 * 9 + 128 == 23_705_252
    assert total + head + 3 * 64 * 49 + 128 == 23_712_932


def test_a_block_without_projection_adds_its_input():
    from espalier.models.residual import BasicBlock

    block = BasicBlock(8, 8, stride=1).eval()
    nn.init.zeros_(block.branch[-1][0].weight)
    x = torch.randn(2, 8, 5, 5)
    torch.testing.assert_close(block(x), x.relu())


def test_stages_halve_the_image_after_the_first():
    model, _ = build("resnet18", SampleShape(3, 32, 32, 10))
    x, sides = torch.randn(2, 3, 32, 32), []
    with torch.no_grad():
        x = model.stem(x)
        for block in model.stages:
            x = block(x)
            sides.append(x.shape[-1])
    assert sides == [32, 32, 16, 16, 8, 8, 4, 4]
