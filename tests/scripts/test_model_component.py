"""A class or function becomes a component that is built by it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from espalier.core import component
from espalier.core.contracts import CannotTrain, Model
from espalier.core.errors import UserError
from espalier.core.samples import SampleShape, TokenShape
from espalier.core.trees.added_trees import added
from espalier.core.trial_config import Config
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.scripts.model_component import write_model

SHAPE = SampleShape(3, 8, 8, 10)


class GivenNet(nn.Module):
    def __init__(self, classes: int, input_shape: Any, width=3, bias=True, name="a", rate=0.5):
        super().__init__()
        self.given = classes, input_shape, width, bias, name, rate


def given_text(vocabulary: int, context: int, free: int = 2) -> nn.Module:
    return nn.Linear(vocabulary, context + free)


def no_module(classes: int) -> int:
    return classes


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Iterator[str]:
    name, folder = write_model(request.param)
    with added([folder]):
        yield name


@pytest.mark.parametrize("made", [GivenNet], indirect=True)
def test_the_component_builds_with_the_values_of_a_trial(made: str) -> None:
    values = {"WIDTH": "5", "BIAS": "n", "NAME": "b c", "RATE": "0.25"}
    config = Config({"MODEL": made} | {f"GIVENNET_{name}": text for name, text in values.items()})
    spec = component.select("model", config, Model)
    assert spec.build(SHAPE).given == (10, (3, 8, 8), 5, False, "b c", 0.25)
    assert config.unread() == []


@pytest.mark.parametrize("made", [GivenNet], indirect=True)
def test_its_parameters_are_symbols_with_their_defaults(made: str) -> None:
    kconf = tree.parse()
    names = ["WIDTH", "BIAS", "NAME", "RATE"]
    kconf.syms["MODEL_SELECT_GIVENNET"].set_value("y")
    assert [kconf.syms[f"GIVENNET_{name}"].str_value for name in names] == ["3", "y", "a", "0.5"]
    assert {f"GIVENNET_{name}" for name in names} <= set(Symbols(kconf).shape)
    assert made == "givennet"


@pytest.mark.parametrize("made", [given_text], indirect=True)
def test_a_model_of_text_takes_the_vocabulary(made: str) -> None:
    config = Config({"MODEL": made, "GIVEN_TEXT_FREE": "4"})
    spec = component.select("model", config, Model)
    module = spec.build(TokenShape(7, 9))
    assert isinstance(module, nn.Linear) and module.weight.shape == (13, 7)
    assert type(spec).takes is TokenShape


@pytest.mark.parametrize("made", [no_module], indirect=True)
def test_what_builds_no_module_is_refused_in_its_trial(made: str) -> None:
    spec = component.select("model", Config({"MODEL": made}), Model)
    with pytest.raises(CannotTrain, match="model=no_module: must return a torch.nn.Module"):
        spec.build(SHAPE)


def test_the_tree_is_the_same_until_the_code_changes() -> None:
    assert write_model(GivenNet) == write_model(GivenNet)
    assert write_model(GivenNet)[1] != write_model(given_text)[1]


def required(hidden: int, classes: int) -> nn.Module:
    return nn.Linear(hidden, classes)


def unnamed() -> Any:
    return lambda inputs: nn.Linear(inputs, 2)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (GivenNet(1, 2), "model=GivenNet: each trial builds a model of its own; give the class"),
        (3, "model=int: each trial builds a model of its own"),
        (unnamed(), "model=<lambda>: has no name for its symbols"),
        (partial(given_text, free=3), "model=partial: has no name for its symbols"),
        (required, "model=required: the parameter hidden has no default; give it one"),
        (torch.relu, "model=relu: its parameters cannot be read"),
    ],
)
def test_what_is_no_model_is_one_line(model: Any, text: str) -> None:
    with pytest.raises(UserError) as caught:
        write_model(model)
    assert str(caught.value).startswith(text) and len(caught.value.lines) == 1


def test_a_name_that_stands_already_is_one_line() -> None:
    def mlp(inputs: int) -> nn.Module:
        return nn.Linear(inputs, 2)

    name, folder = write_model(mlp)
    with pytest.raises(UserError, match=f"'{name}' stands in .*; rename one"), added([folder]):
        pass
