"""The Kconfig tree is parsed with the trees outside, wherever they lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from espalier.core.trees.own_trees import VARIABLE
from espalier.kconfig import tree

FOLDERS = ["$HOME", "$(shell,false)", "${HOME}", 'a"b', "a\\b", "[x]*?", "\u00fc \U0001f600"]


def test_a_tree_may_lie_in_a_folder_of_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fragments = [
        tmp_path / name / "models" / f"own{place}.Kconfig" for place, name in enumerate(FOLDERS)
    ]
    for place, path in enumerate(fragments):
        path.parent.mkdir(parents=True)
        path.write_text(f'config MODEL_SELECT_OWN{place}\n\tbool "Own"\n', encoding="utf-8")
        path.with_suffix(".py").touch()
    monkeypatch.setenv(VARIABLE, ":".join(str(tmp_path / name) for name in FOLDERS))
    symbols = tree.parse().syms
    for place, path in enumerate(fragments):
        assert [node.filename for node in symbols[f"MODEL_SELECT_OWN{place}"].nodes] == [str(path)]
