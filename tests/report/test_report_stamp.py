"""Reports are written again when anything that they are made from has changed, and only then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import sweep

from espalier.core.trial import Result, Status
from espalier.report import report_stamp
from espalier.report.html.report_page import REPORT
from espalier.report.report_request import USUAL, ReportRequest
from espalier.report.report_stamp import STAMP
from espalier.report.reports import (
    ANALYSIS,
    RANKING,
    SUMMARY,
    read_for_reports,
    refresh_reports,
    write_page,
    write_reports,
)
from espalier.store.results_dir import STORE
from espalier.store.store import Store

NAMES = (ANALYSIS, RANKING, SUMMARY, REPORT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = stored(tmp_path / "sweep_1", sweep({"0.85": [90.0, 91.0], "0.87": [95.0, 96.0]}))
    write_reports(made)
    return made


def rewritten(folder: Path, request: ReportRequest = USUAL) -> bool:
    """Whether the reports are written where they may be left; they are current afterwards."""
    held = [(folder / name).open("rb") for name in NAMES if (folder / name).exists()]
    before = {file.name: Path(file.name).stat().st_ino for file in held}  # no number is used twice
    refresh_reports(read_for_reports(folder, request), request)
    after = {str(folder / name): (folder / name).stat().st_ino for name in NAMES}
    for file in held:
        file.close()
    assert report_stamp.is_current(folder, read_for_reports(folder, request).inputs)
    return before != after


def add_attempt(folder: Path) -> None:
    with Store.open(folder / STORE) as store, store.writing():
        store.finish(1, store.begin([1], 1, "cpu")[1], Result(Status.ERROR, "crash", "it broke"))


def change_name(folder: Path) -> None:
    with Store.open(folder / STORE) as store, store.writing():
        store.set_header(replace(store.header, settings={**store.header.settings, "A": "1"}))


def test_where_nothing_has_changed_no_report_is_written(folder: Path) -> None:
    assert not rewritten(folder)


@pytest.mark.parametrize("change", [add_attempt, change_name])
def test_what_the_store_has_since_is_reported(folder: Path, change: Callable[[Path], None]) -> None:
    change(folder)
    assert rewritten(folder)
    assert not rewritten(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_report_that_is_gone_or_was_changed_is_written(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert rewritten(folder)
    (folder / name).write_text("other", encoding="utf-8")
    assert rewritten(folder)


def test_the_page_of_a_sweep_that_ran_is_written(folder: Path) -> None:
    write_page(folder)
    assert rewritten(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"inputs": 1}', "[" * 100_000, "\ufeff{"])
def test_a_damaged_stamp_is_none(folder: Path, text: str) -> None:
    (folder / STAMP).write_text(text, encoding="utf-8")
    assert rewritten(folder)


def test_another_version_of_the_code_writes_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_stamp, "_program", lambda: "another")
    assert rewritten(folder)


def test_other_options_and_another_path_write_them(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rewritten(folder, ReportRequest(by="final_sparsity"))
    assert rewritten(folder)
    monkeypatch.setenv("RANK_BY", "final_sparsity")
    assert rewritten(folder)
    moved = folder.rename(tmp_path / "sweep_2")
    assert rewritten(moved)


def test_a_result_that_comes_while_they_are_written_is_reported_later(folder: Path) -> None:
    page = read_for_reports(folder, USUAL)
    add_attempt(folder)
    refresh_reports(page, USUAL)
    assert rewritten(folder)


def test_the_code_that_writes_reports_is_among_the_inputs() -> None:
    names = [name for name, _ in report_stamp._program_files()]
    assert "report/reports.py" in names and "analysis/rank.py" in names
    assert any(name.endswith(".html") for name in names)
    assert not any(name.endswith(".pyc") for name in names)
