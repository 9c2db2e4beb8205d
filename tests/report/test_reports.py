from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import ended, passed, sweep, trial

from espalier.core.errors import UserError
from espalier.core.trial import Status
from espalier.report.report_request import ReportRequest
from espalier.report.report_stamp import STAMP
from espalier.report.reports import ranking_measure, write_reports
from espalier.store.store import Store


def test_both_files_are_written_from_the_store(tmp_path: Path) -> None:
    results = [
        *sweep({"0.85": [90.0, 91.0], "0.87": [95.0, 96.0]}),
        ended(trial(5, 1, ADAMWPRUNE_BETA1="0.89"), Status.ERROR, "oom", "out of memory"),
        ended(trial(6, 2, ADAMWPRUNE_BETA1="0.89"), Status.NOTRUN),
    ]
    folder = stored(tmp_path / "sweep_1", results)
    text = write_reports(folder)
    assert (folder / "sweep_analysis.txt").read_text(encoding="utf-8") == text
    assert "Config file: config_003" in text
    assert f"   Log: {folder}/config_005_mlp/output.log" in text
    records = json.loads((folder / "sweep_summary.json").read_text(encoding="utf-8"))
    assert [item["status"] for item in records] == ["passed"] * 4 + ["error", "notrun"]
    assert [item["attempts"] for item in records] == [1, 1, 1, 1, 2, 0]


def test_refused_combinations_come_from_the_header(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"0.85": [90.0]}), refused=2)
    assert "Not planned: 2 combinations that Kconfig refused" in write_reports(folder)


def test_reports_are_remade_in_place_and_leave_nothing_else(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"0.85": [90.0]}))
    first = write_reports(folder)
    assert write_reports(folder) == first  # the text; the page says when it was written
    written = {path.name for path in folder.iterdir() if not path.name.startswith("sweep.db")}
    reports = {"sweep_analysis.txt", "sweep_summary.json", "sweep_ranking.json", "report.html"}
    assert written == {*reports, STAMP}


def test_reports_while_the_runner_holds_the_store(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"0.85": [90.0], "0.87": [91.0]}))
    with Store.open(folder / "sweep.db") as store, store.writing():
        store.begin([1], 1, "cpu")
        assert "Trials: 2 planned: 2 passed" in write_reports(folder)


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is no sweep.s folder: it has no sweep\.db"):
        write_reports(tmp_path)


def test_measure_asked_for_goes_before_the_environment_before_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RANK_BY", raising=False)
    folder = stored(tmp_path / "sweep_1", [passed(trial(1, 1), 90.0)], by="test_acc")
    with Store.open(folder / "sweep.db", readonly=True) as store:
        assert ranking_measure(store, []) == "test_acc"
        monkeypatch.setenv("RANK_BY", "val_acc")
        assert ranking_measure(store, []) == "val_acc"
        assert ranking_measure(store, [], "test_acc") == "test_acc"


def test_a_bad_measure_writes_nothing(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"0.85": [90.0]}))
    with pytest.raises(UserError, match="RANK_BY=speed"):
        write_reports(folder, ReportRequest("speed"))
    assert not (folder / "sweep_analysis.txt").exists()


def test_any_number_that_trials_record_ranks(tmp_path: Path) -> None:
    results = [passed(trial(n, 1, LR=str(n)), 90.0, luck=n / 4) for n in (1, 2)]
    folder = stored(tmp_path / "sweep_1", results, by="luck:max")
    text = write_reports(folder)
    assert "Ranked by: luck (more is better), mean over seeds" in text
    assert "Config file: config_002" in text and "Luck: 0.5 (n=1: no interval)" in text
    assert "Config file: config_001" in write_reports(folder, ReportRequest("luck:min"))
    with pytest.raises(UserError, match="RANK_BY=luck: nothing says whether more of luck"):
        write_reports(folder, ReportRequest("luck"))


def test_several_measures_have_a_front(tmp_path: Path) -> None:
    numbers = [(90.0, 3.0), (80.0, 1.0), (70.0, 2.0)]
    results = [passed(trial(n, 1, LR=str(n)), acc, cost=c) for n, (acc, c) in enumerate(numbers, 1)]
    folder = stored(tmp_path / "sweep_1", [*results, passed(trial(4, 1, LR="4"), 60.0)])
    text = write_reports(folder, ReportRequest("val_acc,cost:min"))
    assert "On the front: 2 of 3 configurations" in text
    assert "Left out, since they have no finite cost: 1 configurations" in text
    (front,) = json.loads((folder / "sweep_pareto.json").read_text(encoding="utf-8"))
    assert front["measures"] == [
        {"name": "val_acc", "more_is_better": True},
        {"name": "cost", "more_is_better": False},
    ]
    assert [point["means"]["cost"] for point in front["front"]] == [1.0, 3.0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_folder_is_no_silent_success(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"0.85": [90.0]}))
    folder.chmod(0o500)
    with pytest.raises(OSError, match="denied"):
        write_reports(folder)
