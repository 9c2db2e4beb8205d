"""Every model on every shape of image, and sizes counted by hand."""

import dataclasses
import random

import pytest
import torch
import trial_tasks
from torch import nn

from espalier.core import component
from espalier.core.contracts import CannotTrain, Model
from espalier.core.samples import SampleShape, TokenShape
from espalier.kconfig import tree
from espalier.surgery.pairing.pairs import find_pairs
from espalier.train import worker_entry

SHAPES = [SampleShape(1, 8, 8, 10), SampleShape(3, 32, 32, 100), SampleShape(1, 28, 28, 10)]
TEXTS = [TokenShape(65, 128), TokenShape(7, 2)]
FIELDS = {
    "resnet_cifar": [{"blocks": 1}, {"blocks": 1, "shortcut": "projected"}],
    "resnet50": [{}, {"stem": "large"}],
    "charlm": [{}, {"norm": "pre", "dropout": 0.1}],
    "vit": [{}, {"patch": 2, "layers": 1, "dropout": 0.1}],
    "gpt": [{}, {"tied": False, "bias": False, "dropout": 0.1, "layers": 1}],
}
SPECS = [(name, fields) for name in component.names("model") for fields in FIELDS.get(name, [{}])]


def shapes(name):
    """Data of the kind that the model takes."""
    return TEXTS if component.find("model", name, Model).takes is TokenShape else SHAPES


def build(name, shape, **fields):
    """The module for data as the pipeline hands them over: images resized if the model says so."""
    spec = component.find("model", name, Model)(**fields)
    if isinstance(shape, TokenShape):
        torch.manual_seed(0)
        return spec.build(shape), torch.arange(3 * shape.context).view(3, -1) % shape.vocabulary
    side = spec.input_size
    height, width = (shape.height, shape.width) if side is None else (side, side)
    torch.manual_seed(0)
    resized = SampleShape(shape.channels, height, width, shape.classes)
    return spec.build(resized), torch.randn(3, shape.channels, height, width)


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("name", "fields", "shape"),
    [(name, fields, shape) for name, fields in SPECS for shape in shapes(name)],
    ids=str,
)
def test_every_model_takes_every_shape_of_its_kind(name, fields, shape):
    model, x = build(name, shape, **fields)
    with torch.no_grad():
        logits = model(x)
    images = isinstance(shape, SampleShape)
    assert logits.shape == ((3, shape.classes) if images else (*x.shape, shape.vocabulary))
    assert bool(torch.isfinite(logits).all())


def test_a_model_without_pairs_of_layers_says_so():
    """Methods that exchange neurons are not offered for it."""
    kconf = tree.parse()
    for name in component.names("model"):
        model, _ = build(name, shapes(name)[0])
        kconf.unset_values()
        if shapes(name) is TEXTS:
            kconf.syms["DATASET_SELECT_TEXT"].set_value("y")
        kconf.syms[f"MODEL_SELECT_{name.upper()}"].set_value("y")
        said = kconf.syms["MODEL_LACKS_PAIRS"].str_value == "y"
        assert said == (not find_pairs(model)), name


@pytest.mark.parametrize("name", component.names("model"))
def test_every_parameter_gets_a_gradient(name):
    model, x = build(name, shapes(name)[0])
    logits = model(x).flatten(0, -2)
    nn.functional.cross_entropy(logits, torch.arange(len(logits)) % 3).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("name", component.names("model"))
def test_initial_weights_follow_the_global_seed(name):
    first, second = (build(name, shapes(name)[0])[0] for _ in range(2))
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
        ("resnet_cifar", {}, (3, 32, 32, 10), 269_722),
        ("resnet_cifar", {"blocks": 5}, (3, 32, 32, 10), 464_154),
        ("resnet_cifar", {"blocks": 9}, (3, 32, 32, 10), 853_018),
        ("resnet_cifar", {"blocks": 18}, (3, 32, 32, 10), 1_727_962),
        # 16*32 + 2*32 and 32*64 + 2*64 more
        ("resnet_cifar", {"shortcut": "projected"}, (3, 32, 32, 10), 269_722 + 576 + 2_176),
        # 3*16*64+64 + 65*64+64 + 4*(64*192+192 + 64*64+64 + 2*64*256+320 + 256) + 128 + 650
        ("vit", {}, (3, 32, 32, 10), 208_074),
        ("resnet50", {"stem": "small"}, (3, 32, 32, 100), 23_705_252),
        ("resnet50", {"stem": "large"}, (3, 32, 32, 100), 23_712_932),
    ],
)
def test_parameters_are_as_many_as_published(name, fields, shape, expected):
    assert parameters(build(name, SampleShape(*shape), **fields)[0]) == expected


@pytest.mark.parametrize("name", ["resnet_cifar", "vit", "gpt"])
def test_the_closed_form_of_large_models_is_what_is_built(name):
    draw = random.Random(name)
    ways = {"shortcut": ["padded", "projected"], "tied": [True, False], "bias": [True, False]}
    fields = {field.name for field in dataclasses.fields(component.find("model", name, Model))}
    for shape in shapes(name):
        for _ in range(10):
            sizes = {"blocks": draw.randint(1, 3), "layers": draw.randint(1, 3)}
            sizes |= {"width": 4 * draw.randint(1, 9), "inner": draw.randint(1, 40), "heads": 4}
            chosen = {**sizes, **{key: draw.choice(way) for key, way in ways.items()}}
            spec = component.find("model", name, Model)(
                **{key: value for key, value in chosen.items() if key in fields}
            )
            assert spec.parameters(shape) == Model.parameters(spec, shape)


def test_the_large_transformers_are_as_large_as_published():
    vit = component.find("model", "vit", Model)
    base = vit(patch=16, width=768, layers=12, heads=12, inner=3072)
    assert base.parameters(SampleShape(3, 224, 224, 1000)) == 86_567_656  # ViT-B/16
    gpt = component.find("model", "gpt", Model)(width=768, layers=12, heads=12)
    assert gpt.parameters(TokenShape(50_257, 1024)) == 124_439_808  # GPT-2


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


@pytest.mark.parametrize(("blocks", "expected"), [(3, 269_722), (5, 464_154)])
def test_the_networks_for_cifar_add_up(blocks, expected):
    """Of each stage the first block has other inputs; each convolution has 2 numbers a channel."""
    total, inputs = 3 * 16 * 9 + 2 * 16, 16
    for width in (16, 32, 64):
        for place in range(blocks):
            total += 9 * (width if place else inputs) * width + 9 * width**2 + 4 * width
        inputs = width
    assert total + 64 * 10 + 10 == expected
    layers = [m for m in build("resnet_cifar", SHAPES[1], blocks=blocks)[0].modules()]
    assert sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in layers) == 6 * blocks + 2


def test_a_padded_shortcut_takes_every_second_pixel():
    from espalier.models.residual import PaddedShortcut

    x = torch.arange(16.0).view(1, 1, 4, 4)
    y = PaddedShortcut(2, 2)(x)
    assert y[0, 0].tolist() == [[0, 2], [8, 10]]
    assert y.shape == (1, 3, 2, 2) and not y[0, 1:].any()


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


def block(width, inner):
    """Weights of one block: attention's two layers, the inner layer's two, two norms."""
    attention = width * 3 * width + 3 * width + width * width + width
    return attention + width * inner + inner + inner * width + width + 2 * 2 * width


@pytest.mark.parametrize(
    ("fields", "vocabulary", "expected"),
    [
        ({}, 65, 1_222_721),  # 65*128 + 128*128 + 6*198,272 + 128*65+65
        ({"norm": "pre"}, 65, 1_222_721 + 2 * 128),
        ({}, 95, 1_230_431),
        ({"width": 256, "layers": 12, "inner": 1024}, 65, 9_543_233),
    ],
)
def test_the_transformer_has_as_many_parameters_as_counted(fields, vocabulary, expected):
    assert parameters(build("charlm", TokenShape(vocabulary, 128), **fields)[0]) == expected
    width, inner = fields.get("width", 128), fields.get("inner", 512)
    total = fields.get("layers", 6) * block(width, inner) + width * (2 * vocabulary + 128)
    assert total + vocabulary + 2 * width * ("norm" in fields) == expected


def small(**fields):
    sizes = {"width": 8, "layers": 2, "heads": 2, "inner": 12}
    return build("charlm", TokenShape(11, 9), **sizes, **fields)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_no_logit_moves_with_what_comes_after_its_place(norm):
    model, x = small(norm=norm)
    with torch.no_grad():
        before = model(x)
        for place in range(8):
            changed = x.clone()
            changed[:, place + 1 :] = (changed[:, place + 1 :] + 5) % 11
            after = model(changed)
            assert torch.equal(after[:, : place + 1], before[:, : place + 1])
            assert not torch.equal(after[:, place + 1 :], before[:, place + 1 :])


def test_every_place_sees_all_before_it():
    model, x = small()
    features = model.characters(x).detach().requires_grad_()
    model.characters.register_forward_hook(lambda *_: features)
    model(x)[:, -1].square().sum().backward()
    assert bool((features.grad.abs().sum((0, 2)) > 0).all())


def test_shorter_texts_than_a_window_have_the_same_logits():
    model, x = small()
    torch.testing.assert_close(model(x[:, :4]), model(x)[:, :4])


def test_attention_is_what_the_formula_says():
    model, x = small()
    attention = model.blocks[0].attention
    x = torch.randn(2, 5, 8)
    q, k, v = attention.qkv(x).split(8, dim=2)
    future = torch.ones(5, 5).triu(1).bool()
    heads = []
    for part in (slice(0, 4), slice(4, 8)):
        scores = q[..., part] @ k[..., part].transpose(1, 2) / 2.0  # the root of 4 features
        heads.append(scores.masked_fill(future, float("-inf")).softmax(2) @ v[..., part])
    torch.testing.assert_close(attention(x), attention.out_proj(torch.cat(heads, 2)))


def test_the_transformers_layers_have_the_names_that_patterns_use():
    model, _ = small()
    modules = dict(model.named_modules())
    kinds = [type(modules[f"blocks.1.ffn.{place}"]).__name__ for place in range(5)]
    assert kinds == ["Linear", "GELU", "Dropout", "Linear", "Dropout"]
    assert isinstance(modules["blocks.0.attention.out_proj"], nn.Linear)


def test_the_transformer_starts_as_documented():
    model, _ = build("charlm", TokenShape(65, 128))
    bound = (6 / (128 + 512)) ** 0.5
    first = model.blocks[0].ffn[0]
    assert 0.99 * bound < float(first.weight.detach().abs().max()) <= bound
    assert all(float(m.bias.abs().max()) == 0 for m in model.modules() if isinstance(m, nn.Linear))
    assert float(model.characters.weight.std()) == pytest.approx(0.02, rel=0.05)


def test_heads_must_divide_the_width():
    with pytest.raises(CannotTrain, match="CONFIG_CHARLM_HEADS=3: must divide .*=128"):
        build("charlm", TokenShape(65, 128), heads=3)


SMALL = {
    "gpt": {"GPT_WIDTH": "8", "GPT_LAYERS": "1", "GPT_HEADS": "2"},
    "vit": {"VIT_WIDTH": "8", "VIT_LAYERS": "1", "VIT_HEADS": "2", "VIT_INNER": "16"},
    "resnet_cifar": {"RESNET_CIFAR_BLOCKS": "1", "RESNET_CIFAR_WIDTH": "2"},
}


def timeless(result):
    """All numbers of a result but those that say how long something took."""
    history, measures = trial_tasks.numbers(result)
    return [{k: v for k, v in r.items() if "seconds" not in k} for r in [*history, measures]]


@pytest.mark.parametrize("method", ["magnitude", "apoptosis_functional"])
@pytest.mark.parametrize("name", sorted(SMALL))
def test_what_was_cut_off_goes_on_to_the_same_numbers(name, method, tmp_path):
    wishes = {"MODEL": name, "OPTIMIZER": "adamw", "PRUNING_METHOD": method, **SMALL[name]}
    wishes |= {"APOPTOSIS_INTERVAL": "9", "APOPTOSIS_MATURITY": "8", "APOPTOSIS_RATE": "0.5"}
    wishes |= {"APOPTOSIS_FUNCTIONAL_PRESERVATION_STEPS": "3"}
    text = trial_tasks.TEXT if shapes(name) is TEXTS else {}
    for folder in ("whole", "cut"):
        (tmp_path / folder).mkdir()
    whole, cut = (
        trial_tasks.snapshot_task(tmp_path / folder, **{**text, **wishes})
        for folder in ("whole", "cut")
    )
    trial_tasks.killed_after(2, cut)
    resumed, whole = worker_entry.train_trial(cut), worker_entry.train_trial(whole)
    assert resumed.provenance.resumed
    assert timeless(resumed) == timeless(whole)
    assert whole.measures["events" if method != "magnitude" else "final_sparsity"] > 0
