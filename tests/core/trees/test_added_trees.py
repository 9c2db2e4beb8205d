"""Trees are added for a block, and nothing of them is left behind it."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

import espalier.models
from espalier.core import revision
from espalier.core.errors import UserError
from espalier.core.trees import own_trees
from espalier.core.trees.added_trees import added
from espalier.core.trees.generated_tree import Knob, write_tree


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with a model of no use."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv(own_trees.VARIABLE, "")
    fragment = 'config MODEL_SELECT_ADDED\n\tbool "added"\n'
    return write_tree(
        [Knob("width", 1)], {"models/added.py": "x = 1\n", "models/added.Kconfig": fragment}
    )


def test_modules_and_hashes_are_those_of_the_trees_of_now(folder: Path) -> None:
    before, path = revision.sources(), list(espalier.models.__path__)
    with added([folder]):
        assert own_trees.external() == (folder,) and revision.sources() != before
        (recorded,) = revision.code().trees or []
        assert recorded["path"] == str(folder)
        assert importlib.import_module("espalier.models.added").x == 1
    assert own_trees.external() == () and own_trees.VARIABLE not in os.environ
    assert (revision.sources(), list(espalier.models.__path__)) == (before, path)
    assert "espalier.models.added" not in sys.modules


def test_trees_of_the_user_stay(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own" / "models").mkdir(parents=True)
    own_trees.use(str(tmp_path / "own"))
    with added([folder]):
        assert own_trees.external() == (tmp_path / "own", folder)
    assert own_trees.external() == (tmp_path / "own",)
    own_trees.use("")


def test_an_error_within_takes_them_away_too(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), added([folder]):
        raise ZeroDivisionError
    assert own_trees.external() == ()
    with pytest.raises(UserError), added([folder / "none"]):
        pass
    assert own_trees.external() == ()
