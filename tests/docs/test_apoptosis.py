"""The Python of the page on apoptosis runs, from its top to its end, and prints what it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import espalier
from espalier.core.paths import ROOT

PAGE = (ROOT / "docs" / "apoptosis.md").read_text(encoding="utf-8")
OLD_NAMES = ("src", "src.neuron_apoptosis_fixed", "smooth_apoptosis")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [text for name, text in FENCE.findall(PAGE) if name == kind]


def test_python_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # a checkpoint is saved
    for name in OLD_NAMES:  # the page sets these
        monkeypatch.setitem(sys.modules, name, espalier)
    names: dict[str, object] = {}
    (printed,), every = blocks("text"), ""
    for number, block in enumerate(blocks("python")):
        exec(compile(block, "apoptosis.md", "exec"), names)  # noqa: S102
        out = capsys.readouterr().out
        assert number > 0 or out == printed
        every += out
    assert "LayerEvent(step=" in every


def test_every_class_and_method_is_on_the_page() -> None:
    folder = ROOT / "lib" / "espalier" / "methods" / "apoptosis"
    ranges = (ROOT / "defconfigs").glob("apoptosis-*-range")
    classes = [
        name for name, home in espalier._HOMES.items() if home.startswith("methods.apoptosis.")
    ]
    names = [
        *classes,
        *(path.stem for path in folder.glob("apoptosis_*.Kconfig")),
        *(path.name for path in ranges),
    ]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
