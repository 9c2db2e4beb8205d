"""What was made with a tree outside needs it again, and says so in one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from espalier.core.component import KINDS
from espalier.core.errors import UserError
from espalier.core.trees import own_trees
from espalier.core.trees.needed_trees import (
    check_comment,
    check_components,
    check_trees,
    trees_comment,
    without_comment,
)

RECORDED = [{"path": "/x y/$(reboot)", "sources": "0"}]
GIVE = " EXTERNAL='/x y/$(reboot)'"


@pytest.fixture
def none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own_trees.VARIABLE, "")


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty folder that is the tree outside."""
    monkeypatch.setenv(own_trees.VARIABLE, str(tmp_path))
    yield tmp_path


def test_trees_that_were_recorded_must_be_given(none_is_given: None) -> None:
    check_trees(None, "p")
    with pytest.raises(UserError) as caught:
        check_trees(RECORDED, "plan.jsonl")
    line = str(caught.value)
    assert line.startswith("plan.jsonl: was made with a tree outside, ") and line.endswith(GIVE)


def test_where_as_many_are_given_they_may_have_moved(given: Path) -> None:
    check_trees(RECORDED, "plan.jsonl")
    with pytest.raises(UserError, match="was made with a tree outside"):
        check_trees([*RECORDED, {"path": "/other"}], "plan.jsonl")


def test_only_what_is_not_here_needs_a_tree(none_is_given: None) -> None:
    """A model of ours that was trained by an optimizer of one's own is read without it."""
    config = {"MODEL": "mlp", "OPTIMIZER": "mine"}
    check_components(config, ["model"], RECORDED, "model.pt")
    check_components(config, KINDS, None, "model.pt")
    for kinds in (["optimizer"], KINDS, ["dataset"]):
        with pytest.raises(UserError, match="^model.pt: was made with a tree outside"):
            check_components(config, kinds, RECORDED, "model.pt")


def test_a_configuration_names_its_trees(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = trees_comment()
    assert line == f"# Trees outside: EXTERNAL={given}\n"
    text = f"# What it is\n{line}CONFIG_SEED=1\n"
    check_comment(text, ".config")
    assert without_comment(text) == "# What it is\nCONFIG_SEED=1\n"
    monkeypatch.setenv(own_trees.VARIABLE, "")
    check_comment(without_comment(text), ".config")
    assert trees_comment() == ""
    with pytest.raises(UserError, match=f"^.config: .* EXTERNAL={given}$"):
        check_comment(text, ".config")


@pytest.mark.parametrize("text", ["", "# EXTERNAL=a\n", "CONFIG_X=# Trees outside: EXTERNAL=a\n"])
def test_other_lines_name_none(text: str, none_is_given: None) -> None:
    check_comment(text, ".config")
    assert without_comment(text) == text
