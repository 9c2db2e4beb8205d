"""Files of results: exact, strict, and those of the predecessor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.search.search_results import (
    SavedSearch,
    SearchResult,
    load_results,
    save,
    sort_results,
    table,
)

GOOD = SearchResult({"n_neurons": 8}, 0.75, 0.8, 800, 1.25, 0.7, 0.7, 0.9, 0.01, 0.02, [1, 2])
BAD = SearchResult({}, None, None, 900, 0.0, None, status="failed", reason="diverged: nan")


def test_round_trip(tmp_path: Path) -> None:
    saved = SavedSearch(
        [GOOD, BAD], "digits", "abc", {"max_params": 900}, {}, [1, 2], ["1 left out: x"]
    )
    save(saved, tmp_path / "r.json")
    assert load_results(tmp_path / "r.json") == saved
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_no_number_that_json_does_not_know(tmp_path: Path) -> None:
    odd = SearchResult({}, float("nan"), None, 1, float("inf"), None)
    save(SavedSearch([odd]), tmp_path / "r.json")
    text = (tmp_path / "r.json").read_text(encoding="utf-8")
    assert "NaN" not in text and "Infinity" not in text


def test_the_predecessors_bare_list(tmp_path: Path) -> None:
    record = {
        "params": {"n_neurons": 12, "seed": 42},
        "test_accuracy": 0.8,
        "train_accuracy": 0.9,
        "total_params": 7198,
        "train_time": 12.5,
        "final_test_loss": 0.6,
    }
    (tmp_path / "old.json").write_text(json.dumps([record]), encoding="utf-8")
    saved = load_results(tmp_path / "old.json")
    assert saved.version == 0
    assert saved.trials == [SearchResult({"n_neurons": 12, "seed": 42}, 0.8, 0.9, 7198, 12.5, 0.6)]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"trials": [{"a": 1}]}', '"x"', "{"])
def test_another_file_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="holds no results of a search"):
        load_results(tmp_path / "r.json")


def test_a_later_version_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"trials": [], "version": 9}', encoding="utf-8")
    with pytest.raises(UserError, match="version 9: must be 1"):
        load_results(tmp_path / "r.json")


def test_no_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        load_results(tmp_path / "r.json")
    with pytest.raises(UserError, match="cannot be written"):
        save(SavedSearch([]), tmp_path / "no" / "r.json")


def test_best_by_validation_whatever_the_test_says() -> None:
    lucky = SearchResult({}, 0.99, 0.8, 1, 1.0, 0.1, val_accuracy=0.6, val_loss=0.9)
    tied = SearchResult({}, 0.5, 0.8, 1, 1.0, 0.1, val_accuracy=0.7, val_loss=0.8)
    assert sort_results([BAD, lucky, GOOD, tied]) == [tied, GOOD, lucky, BAD]


def test_table() -> None:
    first, second = table([GOOD]).splitlines()
    assert first.split()[:7] == ["#", "val", "acc", "test", "acc", "train", "acc"]
    assert second.split() == ["1", "0.700", "0.750", "0.800", "800", "1.2s", "n_neurons=8"]
