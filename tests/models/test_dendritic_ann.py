"""The published dendritic networks: counts, the forward pass in plain loops, masked training."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from kconfig_values import effective
from torch import Tensor, nn
from trial_tasks import numbers, small_task

from espalier.core.contracts import CannotTrain
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import with_defaults
from espalier.layers.masked_linear import MaskedLinear
from espalier.models.dendritic_ann import MASKS, DendriticAnn
from espalier.train import worker_entry
from espalier.train.building.parameter_budget import count_trained

DIGITS = SampleShape(1, 8, 8, 10)
FASHION = SampleShape(1, 28, 28, 10)
CIFAR = SampleShape(3, 32, 32, 10)


def ann(**fields: Any) -> DendriticAnn:
    return with_defaults(DendriticAnn, **fields)


def masked(net: nn.Module) -> list[MaskedLinear]:
    return [layer for layer in net.modules() if isinstance(layer, MaskedLinear)]


@pytest.mark.parametrize(
    ("fields", "shape", "expected"),
    [
        # 512*16 + 512, 512 + 128, 128*10 + 10
        ({"kind": "dann_r"}, FASHION, 10_634),
        ({"kind": "dann_lrf"}, FASHION, 10_634),
        ({"kind": "dann_grf"}, FASHION, 10_634),
        ({"kind": "sann"}, FASHION, 10_634),
        ({"kind": "sann_grf"}, FASHION, 10_634),
        ({"kind": "sann_lrf"}, FASHION, 10_634),
        # 785*512 + 512 + 128 + 1290
        ({"kind": "pdann"}, FASHION, 403_850),
        ({"kind": "psann"}, FASHION, 403_850),
        # 512*16 + 512, 513*128, 1290
        ({"kind": "vann_r"}, FASHION, 75_658),
        ({"kind": "vann_grf"}, FASHION, 75_658),
        ({"kind": "vann_lrf"}, FASHION, 75_658),
        # 785*512 + 513*128 + 1290
        ({"kind": "vann"}, FASHION, 468_874),
        # a synapse for each channel: 512*48 + 512, 512 + 128, 1290
        ({"kind": "dann_lrf"}, CIFAR, 27_018),
        # once more 512*16 + 512, 512 + 128
        ({"kind": "dann_lrf", "layers": 2}, FASHION, 19_978),
        # once more 129*512 + 513*128
        ({"kind": "vann", "layers": 2}, FASHION, 600_586),
    ],
)
def test_sizes_counted_by_hand(fields: dict[str, Any], shape: SampleShape, expected: int) -> None:
    spec = ann(neurons=128, dendrites=4, synapses=16, **fields)
    assert spec.parameters(shape) == count_trained(spec.build(shape)) == expected


@pytest.mark.parametrize("kind", MASKS)
def test_the_closed_form_is_what_is_built(kind: str) -> None:
    draw = random.Random(kind)
    for _ in range(20):
        neurons = draw.choice([4, 9, 12])
        sizes = {"neurons": neurons, "dendrites": draw.randint(1, 4), "layers": draw.randint(1, 3)}
        spec = ann(kind=kind, synapses=draw.randint(1, 4), **sizes)
        shape = draw.choice([DIGITS, SampleShape(3, 5, 7, 4)])
        assert spec.parameters(shape) == count_trained(spec.build(shape))


def lrelu(value: float) -> float:
    return value if value > 0 else 0.1 * value


def run_dense(x: list[float], net: nn.Module) -> list[float]:
    """The network for one image, edge by edge."""
    layers = masked(net)
    for layer in layers:
        rows = zip(layer.weight.tolist(), layer.mask.tolist(), layer.bias.tolist(), strict=True)
        sums = []
        for weights, edges, bias in rows:
            pairs = zip(weights, edges, x, strict=True)
            sums.append(bias + sum(w * value for w, edge, value in pairs if edge))
        x = sums if layer is layers[-1] else [lrelu(value) for value in sums]
    return x


@pytest.mark.parametrize("kind", MASKS)
def test_logits_are_those_of_plain_loops(kind: str) -> None:
    torch.manual_seed(2)
    net = ann(kind=kind, layers=2, neurons=6, dendrites=3, synapses=5).build(DIGITS).double()
    x = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    expected = [run_dense(image.flatten().tolist(), net) for image in x]
    torch.testing.assert_close(net(x), torch.tensor(expected, dtype=torch.float64))


def dense_copy(net: nn.Module) -> list[Tensor]:
    """Weights and biases of the layers, by themselves."""
    parts = [part for layer in masked(net) for part in (layer.weight, layer.bias)]
    return [part.detach().clone().requires_grad_() for part in parts if part is not None]


def dense_loss(parts: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
    h = x.flatten(1)
    for place in range(0, len(parts), 2):
        h = h @ parts[place].T + parts[place + 1]
        h = nn.functional.leaky_relu(h, 0.1) if place + 2 < len(parts) else h
    return nn.functional.cross_entropy(h, y)


@pytest.mark.parametrize("kind", MASKS)
def test_training_is_that_of_dense_layers_with_masked_gradients(kind: str) -> None:
    """The published loop: the gradients of dense layers times their masks, then Adam."""
    torch.manual_seed(3)
    net = ann(kind=kind, layers=2, neurons=4, dendrites=2, synapses=3).build(DIGITS).double()
    parts, masks = dense_copy(net), [layer.mask for layer in masked(net)]
    ours = torch.optim.Adam(net.parameters(), lr=0.01)
    theirs = torch.optim.Adam(parts, lr=0.01)
    x, y = torch.randn(20, 1, 8, 8, dtype=torch.float64), torch.arange(20) % 10
    for _ in range(100):
        ours.zero_grad()
        theirs.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        dense_loss(parts, x, y).backward()
        for weight, mask in zip(parts[::2], masks, strict=True):
            assert weight.grad is not None
            weight.grad.mul_(mask)
        ours.step()
        theirs.step()
    for part, expected in zip(net.parameters(), parts, strict=True):
        torch.testing.assert_close(part, expected, rtol=0, atol=1e-6)
    for layer in masked(net):
        layer.assert_masked(ours)


def test_all_channels_of_a_place_are_seen_together() -> None:
    first = masked(ann(kind="dann_lrf").build(CIFAR))[0]
    assert first.mask.shape == (256, 3 * 32 * 32)
    red, green, blue = first.mask.chunk(3, dim=1)
    assert torch.equal(red, green) and torch.equal(red, blue)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "dann_r", "synapses": 65}, "SYNAPSES=65: must be at most the 64 places"),
        (
            {"kind": "sann", "synapses": 16, "neurons": 15, "layers": 2},
            "SYNAPSES=16: must be at most the 15 places",
        ),
        ({"kind": "dann_grf", "dendrites": 65}, "DENDRITES=65: must be at most the 64 places"),
    ],
)
def test_fields_of_more_places_than_there_are_are_one_line(
    fields: dict[str, Any], words: str
) -> None:
    for ask in (ann(**fields).build, ann(**fields).parameters):
        with pytest.raises(CannotTrain, match=words):
            ask(DIGITS)


def test_synapses_are_asked_for_where_they_have_an_effect() -> None:
    for kind, (inputs, _) in MASKS.items():
        values = effective({"MODEL": "dendritic_ann", "DENDRITIC_ANN_KIND": kind})
        assert ("DENDRITIC_ANN_SYNAPSES" in values) == (inputs != "all")


@pytest.mark.parametrize("kind", MASKS)
def test_packs_train_as_alone(kind: str) -> None:
    fields = {"MODEL": "dendritic_ann", "DENDRITIC_ANN_KIND": kind, "DENDRITIC_ANN_LAYERS": "2"}
    sizes = {"DENDRITIC_ANN_NEURONS": "16", "PRUNING_METHOD": "none", "OPTIMIZER": "adam"}
    rates = ("0.001", "0.01")
    tasks = [small_task(**fields, **sizes, NUM_EPOCHS="2", LEARNING_RATE=rate) for rate in rates]
    together = dict(worker_entry.train_pack(tasks))
    for place, task in enumerate(tasks):
        alone = worker_entry.train_trial(task)
        assert together[place].provenance.pack.size == 2
        for name in ("train_loss", "val_loss", "test_loss"):
            expected = pytest.approx(alone.measures[name], rel=1e-5)
            assert together[place].measures[name] == expected


def test_a_snapshot_has_the_masks_and_a_seed_gives_a_trial() -> None:
    fields = {"MODEL": "dendritic_ann", "DENDRITIC_ANN_KIND": "dann_lrf", "PRUNING_METHOD": "none"}
    values = {**fields, "DENDRITIC_ANN_LAYERS": "2", "NUM_EPOCHS": "2"}
    torch.manual_seed(5)
    net = ann(kind="dann_lrf", layers=2).build(DIGITS)
    torch.manual_seed(6)
    other = ann(kind="dann_lrf", layers=2).build(DIGITS)
    other.load_state_dict(net.state_dict())
    x = torch.randn(4, 1, 8, 8)
    assert torch.equal(net(x), other(x)) and count_trained(net) == count_trained(other)
    first, second = (worker_entry.train_trial(small_task(**values)) for _ in range(2))
    assert numbers(first) == numbers(second)
