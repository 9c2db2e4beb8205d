"""The dendritic models and their sparse control: exact sizes, refusals, and that they train."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from kconfig_values import assigned, effective, symbols
from torch import nn

from espalier.core import component
from espalier.core.contracts import CannotTrain, Model
from espalier.core.samples import SampleShape, TokenShape
from espalier.core.trial import Status, Task, Trial
from espalier.core.trial_config import Config
from espalier.kconfig import assign
from espalier.layers.dendrites.dendritic_layer import DendriticLayer
from espalier.layers.dendrites.synapses import Synapses
from espalier.train import worker_entry
from espalier.train.building.parameter_budget import count_trained

DENDRITIC = ["dendritic_simple", "soma_disabled", "dendritic_with_hidden"]
WITH_SYNAPSES = [*DENDRITIC, "sparse_mlp"]
FASHION = SampleShape(1, 28, 28, 10)


def model(name: str, **fields: Any) -> Model:
    return component.find("model", name, Model)(**fields)


@pytest.mark.parametrize("soma", [True, False])
@pytest.mark.parametrize("name", DENDRITIC)
def test_the_closed_form_is_what_is_built(name: str, soma: bool) -> None:
    draw = random.Random(f"{name} {soma}")
    for _ in range(200):
        shape = SampleShape(draw.choice([1, 3]), draw.randint(2, 8), draw.randint(2, 8), 10)
        spec = model(
            name,
            neurons=draw.randint(1, 20),
            dendrites=draw.randint(1, 15),
            inputs=draw.randint(1, shape.inputs),
            soma=soma,
            wiring=draw.choice(["random", "full"]),
            **({"hidden": draw.randint(1, 15)} if "hidden" in name else {}),
        )
        assert (
            spec.parameters(shape)
            == count_trained(spec.build(shape))
            == Model.parameters(spec, shape)
        )


@pytest.mark.parametrize("name", ["mlp", "sparse_mlp"])
def test_the_closed_form_of_controls_is_what_is_built(name: str) -> None:
    draw = random.Random(name)
    for _ in range(200):
        shape = SampleShape(draw.choice([1, 3]), draw.randint(3, 8), draw.randint(3, 8), 10)
        other = {"mlp": "layers", "sparse_mlp": "inputs"}[name]
        spec = model(name, width=draw.randint(1, 40), **{other: draw.randint(1, 9)})
        assert spec.parameters(shape) == count_trained(spec.build(shape))


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        # 72*96 + 72 + 72 + 12 in the layer, 12*10 + 10 behind it
        ("dendritic_simple", {"neurons": 12, "dendrites": 6, "inputs": 96}, 7_198),
        # 25*64 + 25, 25*10 + 10
        ("dendritic_simple", {"dendrites": 25, "inputs": 64, "soma": False}, 1_885),
        # 25*64 + 25, 25*12 + 12, 12*10 + 10
        ("soma_disabled", {"neurons": 12, "dendrites": 25, "inputs": 64}, 2_067),
        # 60*128 + 60 + 60 + 10, 10*8 + 8, 8*10 + 10
        ("dendritic_with_hidden", {"dendrites": 6, "inputs": 128}, 7_988),
        # 1,000 dendrites of all 784, 100 somas of 10, 100*10 + 10
        ("dendritic_simple", {"neurons": 100, "dendrites": 10, "wiring": "full"}, 787_110),
        ("sparse_mlp", {"width": 100, "inputs": 20}, 3_110),  # 100*20 + 100, 100*10 + 10
        # the layers of the published pair: 512 dendrites, 128 somas; all connected, 468,874
        ("dendritic_simple", {"neurons": 128, "dendrites": 4, "inputs": 16}, 10_634),
    ],
)
def test_sizes_counted_by_hand(name: str, fields: dict[str, Any], expected: int) -> None:
    spec = model(name, **fields)
    assert spec.parameters(FASHION) == count_trained(spec.build(FASHION)) == expected


def test_the_fully_connected_half_of_the_published_pair() -> None:
    layers = [nn.Linear(784, 512), nn.Linear(512, 128), nn.Linear(128, 10)]
    assert sum(count_trained(layer) for layer in layers) == 468_874


@pytest.mark.parametrize(
    ("neurons", "dendrites", "inputs", "expected"), [(10, 16, 16, 2_890), (10, 2, 3, 110)]
)
def test_sizes_of_a_layer_without_a_head(
    neurons: int, dendrites: int, inputs: int, expected: int
) -> None:
    assert count_trained(DendriticLayer(784, neurons, dendrites, inputs)) == expected


@pytest.mark.parametrize("name", WITH_SYNAPSES)
def test_a_size_grows_with_each_free_number_up_to_the_most(name: str) -> None:
    spec, shape = model(name), SampleShape(1, 8, 8, 10)
    assert spec.free
    for field in spec.free:
        limit = min(spec.largest(field, shape), 200)
        counts = [model(name, **{field: n}).parameters(shape) for n in range(1, limit + 1)]
        assert counts == sorted(counts)


@pytest.mark.parametrize("name", WITH_SYNAPSES)
def test_more_inputs_than_there_are_is_one_line(name: str) -> None:
    spec, shape = model(name, inputs=65), SampleShape(1, 8, 8, 10)
    for ask in (spec.build, spec.parameters):
        with pytest.raises(CannotTrain, match="INPUTS=65: must be at most the data's 64 inputs"):
            ask(shape)


def test_there_is_one_nonlinearity_behind_a_soma() -> None:
    net = model("dendritic_with_hidden").build(SampleShape(1, 8, 8, 10))
    kinds = [type(part).__name__ for part in net]
    assert kinds == ["Flatten", "DendriticLayer", "Linear", "LeakyReLU", "Linear"]


@pytest.mark.parametrize("neurons", ["3", "10", "12"])
@pytest.mark.parametrize("soma", ["y", "n"])
@pytest.mark.parametrize("name", DENDRITIC)
def test_every_architecture_trains(name: str, soma: str, neurons: str, tmp_path: Path) -> None:
    plain = {"OPTIMIZER": "adam", "PRUNING_METHOD": "none", "NUM_EPOCHS": "2"}
    values = effective(
        {"MODEL": name, "DENDRITES_SOMA": soma, "DENDRITES_NEURONS": neurons, **plain}
    )
    settings = assign.effective_config(symbols(), symbols().settings)
    trial = Trial(1, "config_001", "0", values)
    result = worker_entry.train_trial(Task.single(trial, settings, tmp_path))
    assert result.status is Status.PASSED
    first, last = (record["train_loss"] for record in result.history)
    assert last < first
    built = component.select("model", Config(values), Model)
    assert result.measures["live_parameters"] == built.parameters(SampleShape(1, 8, 8, 10))


@pytest.mark.parametrize("name", DENDRITIC)
def test_neurons_are_asked_for_where_they_have_an_effect(name: str) -> None:
    with_soma, without = (effective({"MODEL": name, "DENDRITES_SOMA": soma}) for soma in "yn")
    assert "DENDRITES_NEURONS" in with_soma
    follow = "DENDRITES_SOMA" not in without  # a layer of neurons stands behind the dendrites
    assert ("DENDRITES_NEURONS" in without) == follow == (name == "soma_disabled")


def test_full_wiring_has_no_number_of_inputs() -> None:
    values = effective({"MODEL": "dendritic_simple", "DENDRITES_WIRING": "full"})
    assert "DENDRITES_INPUTS" not in values
    spec = component.select("model", Config(values), Model)
    index = spec.build(SampleShape(1, 3, 3, 10))[1].synapses.index
    assert torch.equal(index.sort(1).values, torch.arange(9).expand(60, 9))


@pytest.mark.parametrize("name", component.names("model"))
def test_a_fragment_says_whether_its_model_has_synapses(name: str) -> None:
    spec = model(name)
    text = spec.takes is TokenShape
    tree = assigned({"DATASET": "text" if text else "digits", "MODEL": name})
    said = tree.kconf.syms["MODEL_HAS_SYNAPSES"].str_value == "y"
    side = spec.input_size or 8
    net = spec.build(TokenShape(5, 4) if text else SampleShape(1, side, side, 10))
    assert said == any(isinstance(part, Synapses) for part in net.modules())
