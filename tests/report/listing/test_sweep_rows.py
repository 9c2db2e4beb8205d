"""The rows of the list: what others wrote stays text in its cell."""

from __future__ import annotations

from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import passed, sweep, trial

from espalier.analysis.queries.query_parser import parse_query
from espalier.report.listing.matching import find_matches
from espalier.report.listing.sweep_entries import read_entries
from espalier.report.listing.sweep_rows import LONGEST, match_rows, sweep_blocks, sweep_rows

HOSTILE = "</script>[red]$x^$\\_\n\x1b[31m" + "é" * 10_000


@pytest.fixture(autouse=True)
def _no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_hostile_texts_are_cells_of_one_line(tmp_path: Path) -> None:
    said = {"name": HOSTILE, "note": HOSTILE, "tags": [HOSTILE]}
    axes = [{"symbol": HOSTILE, "values": [HOSTILE]}]
    results = [passed(trial(1, 1, WAY=HOSTILE), 97.0)]
    sources = [{"path": HOSTILE, "sha256": ""}]
    stored(tmp_path / "sweep_a", results, axes=axes, sources=sources, **said)
    entries, _ = read_entries(tmp_path)
    query = parse_query("WAY~script")
    rows = [*sweep_rows(entries), *match_rows(find_matches(entries, query), query, 5)]
    cells = [cell for row in rows for cell in row]
    assert all("\n" not in cell and "\x1b" not in cell for cell in cells)
    assert max(map(len, cells)) == LONGEST
    blocks = sweep_blocks(entries)
    assert [len(row) for row in blocks] == [3, 3]
    assert len(blocks[1][0].splitlines()) == 4  # sweep, when, tags, note


def test_configurations_of_a_query(tmp_path: Path) -> None:
    stored(tmp_path / "sweep_a", sweep({"0.9": [97.0, 98.0], "0.8": [90.0], "0.7": [91.0, 92.0]}))
    entries, _ = read_entries(tmp_path)
    query = parse_query("test_acc=90 & MODEL=mlp & name!=x")
    assert match_rows(find_matches(entries, query), query, 2) == [
        ["sweep", "place", "config", "score", "values"],
        ["sweep_a", "#1", "config_001", "val acc 97.50% +/- 6.35 (n=2)"]
        + ["ADAMWPRUNE_BETA1=0.9 test_acc=90.00% MODEL=mlp"],
        ["sweep_a", "#2", "config_004", "val acc 91.50% +/- 6.35 (n=2)"]
        + ["ADAMWPRUNE_BETA1=0.7 test_acc=90.00% MODEL=mlp"],
        ["sweep_a", "", "and 1 more", "", ""],
    ]
