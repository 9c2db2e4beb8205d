"""The Python of the page on searches runs, from its top to its end; its tables are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import espalier
from espalier.commands import search as command
from espalier.core.paths import ROOT
from espalier.search import distributions, guide_names, search_runs
from espalier.search.searcher import HyperparameterSearcher

PAGE = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_python_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    means = search_runs.Means.__init__

    def here(self, **options) -> None:  # where results go, and no workers
        means(self, **{**options, "results": tmp_path / "sweeps", "in_process": True})

    monkeypatch.setattr(search_runs.Means, "__init__", here)
    names: dict[str, object] = {}
    for block in [text for kind, text in FENCE.findall(PAGE) if kind == "python"]:
        exec(compile(block, "search.md", "exec"), names)  # noqa: S102
    out = capsys.readouterr().out
    (shown,) = [text for kind, text in FENCE.findall(PAGE) if kind == "text"]
    assert shown in out
    assert re.search(r"^\d+ 1[26] \[1, 2, 3\]$", out, re.MULTILINE)
    counted = 12 * 6 * 16 + 2 * 72 + 12 + 130
    assert f"\n{counted}\nFalse\n" in out


def test_everything_is_on_the_page() -> None:
    names = [*guide_names.NAMES, guide_names.WEIGHT_DECAY, *command.SCENARIOS, *distributions._KEYS]
    names += [name for name, home in espalier._HOMES.items() if home.startswith("search.")]
    names += list(HyperparameterSearcher.__init__.__annotations__)
    names.remove("return")
    assert [name for name in names if name not in PAGE] == []
