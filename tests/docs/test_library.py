"""The Python of the page on loops of one's own runs, from its top to its end, as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import espalier
from espalier.core.paths import ROOT

PAGE = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_python_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # a checkpoint is saved
    names: dict[str, object] = {}
    for kind, text in FENCE.findall(PAGE):
        if kind == "python":
            exec(compile(text, "library.md", "exec"), names)  # noqa: S102
        else:
            assert capsys.readouterr().out == text


def test_every_class_is_on_the_page() -> None:
    homes = ("methods.own_loop.", "optimizers.")
    names = [name for name, home in espalier._HOMES.items() if home.startswith(homes)]
    assert len(names) == 20
    assert [name for name in names if f"| `{name}` |" not in PAGE] == []
