"""`sweep-list`: what it prints, as text and JSON, with a query and without."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from given_variables import give
from listed_sweeps import several, with_faults

from espalier.__main__ import main
from espalier.core.paths import RESULTS


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("Q", "TOP", "JSON", "RANK_BY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield tmp_path
    monkeypatch.undo()
    time.tzset()


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert main(["sweep-list", *arguments]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_all_sweeps_are_a_line_each_the_newest_first(
    capsys: pytest.CaptureFixture[str], golden: Callable[[str, str], None]
) -> None:
    several(RESULTS)
    out, err = said(capsys)
    golden("sweep_list", out)
    assert err == ""
    assert said(capsys)[0] == out  # this time out of the cache


def test_a_query_lists_sweeps_and_their_configurations(
    capsys: pytest.CaptureFixture[str],
    golden: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    several(RESULTS)
    query = "val_acc>90 & (tag=paper | ADAMWPRUNE_BETA1=.90) & test_acc>1"
    give(monkeypatch, Q=query, TOP="1")
    golden("sweep_list_query", said(capsys)[0])


def test_stores_that_cannot_be_read_end_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    folders = several(RESULTS)
    damaged, foreign, lost, _ = with_faults(RESULTS)
    out, err = said(capsys)
    assert len(out.splitlines()) == 5
    notes = err.splitlines()
    assert [line.startswith("note: left out: ") for line in notes] == [True] * 3
    assert all(
        str(path) in line for path, line in zip((damaged, foreign, lost), notes, strict=True)
    )
    records = json.loads(said(capsys, "--json")[0])
    assert [record["sweep"] for record in records[:4]] == [str(path) for path in folders[::-1]]
    assert [set(record) for record in records[4:]] == [{"sweep", "error"}] * 3


def test_json_has_what_scripts_need(capsys: pytest.CaptureFixture[str]) -> None:
    several(RESULTS)
    race, claims, stopped, first = json.loads(said(capsys, "--json")[0])
    assert (first["name"], first["note"], first["tags"]) == (
        *("first", "why: a < b", ["paper", "pruning"]),
    )
    assert (first["state"], first["trials"], first["began"]) == ("finished", {"passed": 6}, 1.7e9)
    assert first["swept"]["ADAMWPRUNE_BETA1"] == ["0.9", "0.8"]
    assert first["range_files"] == ["defconfigs/my-range"]
    assert (first["best"]["mean"], first["best"]["n"]) == (97.5, 3)
    assert first["verdicts"] == {"behind": 1}
    assert (stopped["state"], stopped["best"]["n"]) == ("stopped", 2)
    assert [claim["status"] for claim in claims["claims"]] == ["CONFIRMED"]
    assert race["race_ended"] is True
    matching = json.loads(said(capsys, "--json", "--query", "tag=paper & val_acc<95")[0])
    assert [item["place"] for item in matching[0]["matching"]] == [2]
    assert said(capsys, "--json", "--query", "tag=thesis") == ("[]\n", "")


def test_nothing_that_matches_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys) == ("test_matrix_results: no sweep has been run yet\n", "")
    several(RESULTS)
    out, _ = said(capsys, "--query", "PRUNING_METHOD=rigl & val_acc>99")
    assert out.splitlines() == [
        "test_matrix_results: no sweep matches",
        "no sweep has PRUNING_METHOD=rigl; there is state",
    ]


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("val_acc>", "9: must have a value after >, or a text in quotes, at ^ in val_acc>^"),
        (
            "val_acc>1 & PRUNNING_METHOD=x",
            "13: must be a symbol or a measure that a sweep has, and PRUNNING_METHOD is none "
            "(did you mean PRUNING_METHOD?), at ^ in val_acc>1 & ^PRUNNING_METHOD=x",
        ),
        (
            "tags=paper",
            "1: must be a symbol or a measure that a sweep has, and tags is none "
            "(did you mean tag?), at ^ in ^tags=paper",
        ),
        (
            "luck>7",
            "1: must be a symbol or a measure that a sweep has, and luck is none, at ^ in ^luck>7",
        ),
    ],
)
def test_a_query_that_is_none_is_one_line(
    query: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    several(RESULTS)
    assert said(capsys, "--query", query, code=2) == ("", f"error: Q, character {line}\n")


def test_another_measure_ranks_all(capsys: pytest.CaptureFixture[str]) -> None:
    several(RESULTS)
    assert "test acc 90.00%" in said(capsys, "--by", "test_acc")[0]
    out, err = said(capsys, "--by", "luck", code=2)
    assert out == "" and err.startswith("error: --by luck: must be one of val_acc, ")
