"""A train function travels in a tree of its parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from espalier.core.errors import UserError
from espalier.core.trees.added_trees import added
from espalier.kconfig import tree
from espalier.scripts.train_function import read_function, write_function


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def fit(config, log, width=3, kind="a"):
    return config, log, width, kind


def test_its_parameters_are_symbols_and_it_is_read_again() -> None:
    name, folder = write_function(fit)
    assert name == f"{fit.__module__}:fit"
    with added([folder]):
        kconf = tree.parse()
        kconf.syms["TRAINER_FUNCTION"].set_value("y")
        assert [kconf.syms[each].str_value for each in ("WIDTH", "KIND")] == ["3", "a"]
        assert read_function()(1, 2, kind="b") == (1, 2, 3, "b")
    assert "WIDTH" not in tree.parse().syms


def test_another_code_is_another_tree() -> None:
    def other(scale: int) -> Any:
        def inner(config: Any, log: Any) -> Any:
            return config, log, scale

        return inner

    assert write_function(other(1)) == write_function(other(1)) != write_function(other(2))


def test_without_a_tree_there_is_none() -> None:
    with pytest.raises(UserError, match="the function that trains is gone"):
        read_function()


def single(config):
    return config


def three(config, log, more):
    return config, log, more


def early(config, seed=1):
    return config, seed


FORM = "must take a configuration and a logger, as def train(config, log, width=32)"


@pytest.mark.parametrize(
    ("train", "text"),
    [
        (3, f"train=3: is no function; it {FORM}"),
        (single, f"train=single: {FORM} (too many positional arguments)"),
        (three, f"train=three: {FORM} (missing a required argument: 'more')"),
        (early, f"train=early: {FORM}; seed comes too early"),
    ],
)
def test_what_is_no_train_function_is_one_line(train: Any, text: str) -> None:
    with pytest.raises(UserError) as caught:
        write_function(train)
    assert str(caught.value) == text
