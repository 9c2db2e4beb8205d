"""`sweep-note`, and names, notes and tags from the command line to the reports."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fake_sweep import HERE
from given_variables import give
from stored_sweeps import stored
from trial_results import sweep

import espalier
from espalier.__main__ import main
from espalier.report.reports import write_reports
from espalier.store import plan_files
from espalier.store.locks import locked
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

ENTRY = ["--entry", "fake_entry:real", "--parallel", "1"]
RANGE = "CONFIG_NUM_EPOCHS=2\nCONFIG_PRUNING_METHOD=none\nCONFIG_DEVICE_CPU=y\n"
HOSTILE = "</script><img src=x onerror=alert(1)> $x^$ \\ _ é"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    for name in ("NAME", "NOTE", "TAGS", "DIR", "NEW", "RANK_BY", "BASELINE", "BEST_PER"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def folder(place: Path) -> Path:
    return stored(
        place / "test_matrix_results" / "sweep_20260101_000000",
        sweep({"0.9": [97.0, 98.0]}),
        name="first",
    )


def head_of(folder: Path) -> list[str]:
    return (folder / "sweep_analysis.txt").read_text(encoding="utf-8").splitlines()[:4]


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main([*arguments]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def test_note_and_tags_are_changed_and_taken_away(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(capsys, "sweep-note", "--note", HOSTILE, "--tags", "a,b").splitlines()
    assert lines == [
        "test_matrix_results/sweep_20260101_000000",
        "Name: first",
        f"Note: {HOSTILE}",
        "Tags: a, b",
        "reports: written again, with test_matrix_results/sweep_20260101_000000/report.html",
    ]
    assert head_of(folder) == ["Name: first", f"Note: {HOSTILE}", "Tags: a, b", ""]
    assert plan_files.read_sweep(folder).header.note == HOSTILE
    text = said(capsys, "sweep-note", "--note", "none", "--dir", str(folder))
    assert "Note" not in text and "Tags: a, b" in text
    said(capsys, "sweep-note", "--tags", "none")
    with Store.open(folder / STORE) as store:
        assert (store.header.note, store.header.tags) == (None, None)


def test_the_reports_of_a_sweep_that_runs_are_left_to_its_runner(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(folder):
        lines = said(capsys, "sweep-note", "--note", "why", "--dir", str(folder)).splitlines()
    assert re.fullmatch(
        r"reports: as they were; run by process \d+ on .+, which writes them again at its end",
        lines[-1],
    )
    assert not (folder / "sweep_analysis.txt").exists()
    said(capsys, "sweep-note", "--note", "why", "--dir", str(folder))
    assert "why" in (folder / "report.html").read_text(encoding="utf-8")


def test_nothing_to_change_and_broken_values_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(capsys, "sweep-note", code=2) == (
        'error: sweep-note: changes nothing; give NOTE="why it was run" or TAGS=a,b, '
        "or none for either; a name stays, since the folder has it\n"
    )
    give(monkeypatch, NOTE="a\nb")
    line = "error: NOTE=a\\nb: must be one line of 1,000 characters at most\n"
    assert said(capsys, "sweep-note", code=2) == line
    give(monkeypatch, NOTE="")  # as good as not given
    assert "changes nothing" in said(capsys, "sweep-note", code=2)
    missing = said(capsys, "sweep-note", "--tags", "a", "--dir", "gone", code=2)
    assert missing.startswith("error: gone: no such folder; ")


def test_a_name_that_makes_no_folder_is_one_line(
    capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    (place / "my-range").write_text(RANGE, encoding="utf-8")
    line = said(capsys, "sweep-generate", "my-range", "--name", "../x", code=2)
    assert line == (
        "error: --name ../x: must be letters a-z, digits, and . _ - between them, 60 at most\n"
    )
    assert not (place / "sweep_configs").exists()


def test_a_sweep_is_named_in_one_go(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As make does it: the variables are there for both commands."""
    (place / "my-range").write_text(RANGE, encoding="utf-8")
    give(monkeypatch, NAME="first-try", NOTE=HOSTILE, TAGS="pruning, paper")
    for _ in range(2):
        assert main(["sweep-generate", "my-range"]) == 0
        assert main(["sweep-run", *ENTRY]) == 0
    for name in ("NAME", "NOTE", "TAGS"):
        monkeypatch.delenv(name)
    assert main(["sweep-run", *ENTRY]) == 0
    (folder,) = sweeps(place / "test_matrix_results")
    assert folder.name.endswith("_first-try")
    assert head_of(folder) == ["Name: first-try", f"Note: {HOSTILE}", "Tags: pruning, paper", ""]
    (record,) = json.loads((folder / "sweep_summary.json").read_text(encoding="utf-8"))
    assert (record["sweep_name"], record["sweep_note"], record["sweep_tags"]) == (
        *("first-try", HOSTILE, "pruning,paper"),
    )
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "first-try" in page and "<img src=x" not in page
    loaded = espalier.load_sweep()
    assert (loaded.name, loaded.note, loaded.tags) == ("first-try", HOSTILE, ["pruning", "paper"])
    assert "Tags: pruning, paper" in said(capsys, "sweep-status")


def test_reports_of_a_sweep_without_a_name_say_nothing_of_it(place: Path) -> None:
    plain = stored(place / "plain", sweep({"0.9": [97.0, 98.0]}))
    assert write_reports(plain).startswith("Hyperparameter Sweep Analysis")
    records = json.loads((plain / "sweep_summary.json").read_text(encoding="utf-8"))
    assert not [key for record in records for key in record if key.startswith("sweep_")]
    loaded = espalier.load_sweep(plain)
    assert (loaded.name, loaded.note, loaded.tags) == ("", "", [])
