"""What the reports say of configurations that were stopped early."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import stopped_sweeps
from stored_sweeps import stored

from espalier.analysis.rank import rank
from espalier.analysis.stopping.rung_standing import StopStanding, stop_standing
from espalier.core.trial import Result, Status
from espalier.plan.stopping.stop_rules import stop_rules
from espalier.report.frames.loaded_sweep import load_sweep
from espalier.report.html.ranking_data import ranking_data
from espalier.report.html.report_page import REPORT
from espalier.report.report_request import USUAL
from espalier.report.reports import ANALYSIS, STOPPED, SUMMARY, read_sweep, write_reports
from espalier.report.stopping_report import render_stopping, stop_lines, stopping_json
from espalier.run.status_text import status_lines

SETTINGS = {**stopped_sweeps.SETTINGS, "RANK_BY": "val_acc"}


def standing(**changes: str) -> StopStanding:
    rules = stop_rules({**SETTINGS, **changes})
    assert rules is not None
    return stop_standing(stopped_sweeps.stopped_sweep(), rules)


def written(folder: Path, name: str = "c") -> Path:
    """A sweep's folder with its reports."""
    made = stored(folder / "sweep_1", stopped_sweeps.stopped_sweep(name), settings=SETTINGS)
    write_reports(made)
    return made


def test_the_head_of_the_report(golden: Callable[[str, str], None]) -> None:
    lines = "\n".join(stop_lines(standing()))
    golden("stopping_asha", f"{render_stopping(standing())}{lines}\n")


def test_the_head_after_one_epoch(golden: Callable[[str, str], None]) -> None:
    changes = {"STOP": "first_epoch", "STOP_KEEP": "2", "STOP_REDUCTION": "0", "STOP_RUNGS": ""}
    golden("stopping_first_epoch", render_stopping(standing(**changes)))


def test_the_file_has_every_configuration_at_every_rung() -> None:
    text = json.loads(stopping_json(standing()))
    assert {name: text[name] for name in ("rule", "by", "epochs_trained", "epochs_of_all")} == {
        "rule": "asha",
        "by": "val_acc",
        "epochs_trained": 14,
        "epochs_of_all": 32,
    }
    assert text["rungs"][1] == {
        "epoch": 2,
        "stopped": 1,
        "configurations": [
            {
                "config_file": f"config_{number:03}",
                "swept": {"CONFIG_ARM": arm},
                "score": score,
                "sparsity_percent": 90 * (arm == "b"),
                "stopped": place == 2,
                "seeds_missing": 0,
            }
            for place, number, arm, score in ((1, 1, "a", 92.0), (2, 3, "b", 72.0))
        ],
    }


def test_seeds_in_error_are_missing_where_they_did_not_come() -> None:
    results = stopped_sweeps.stopped_sweep()
    crash = Result(Status.ERROR, "crash", history=stopped_sweeps.history(90.0, 1))
    results[1] = results[1]._replace(result=crash)
    rules = stop_rules(SETTINGS)
    assert rules is not None
    head = render_stopping(stop_standing(results, rules))
    assert "  1. config_001 CONFIG_ARM=a: 91.00%\n" in head
    assert "  1. config_001 CONFIG_ARM=a: 92.00%, without 1 seed in error\n" in head


def test_what_was_stopped_is_not_ranked() -> None:
    results = stopped_sweeps.stopped_sweep()
    ranking = rank([tuple(item) for item in results])
    assert [item.first.name for item in ranking.ranked] == ["config_001"]
    assert all(item.measure("val_acc") is None for item in results[2:])


def test_a_seed_that_came_to_its_end_does_not_rank_a_configuration_that_was_stopped(
    tmp_path: Path,
) -> None:
    results = stopped_sweeps.stopped_sweep()
    results[4] = stopped_sweeps.complete(results[4].trial, 99.0)
    ranking = rank([tuple(item) for item in results])
    assert [item.first.name for item in ranking.ranked] == ["config_001"]
    folder = stored(tmp_path / "sweep_1", results, settings=SETTINGS)
    write_reports(folder)
    assert "not ranked: passed, stopped after epoch 1" in ranking_notes(folder)
    analysis = (folder / ANALYSIS).read_text(encoding="utf-8")
    assert "INCOMPLETE" not in analysis
    assert "after epoch 1: 3 configurations, 1 stopped" in analysis
    results[5] = stopped_sweeps.complete(results[5].trial, 99.0)  # trained again, to its end
    assert len(rank([tuple(item) for item in results]).ranked) == 2


def test_every_report_says_what_was_stopped(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert "STOPPED EARLY (asha" in (folder / ANALYSIS).read_text(encoding="utf-8")
    assert json.loads((folder / STOPPED).read_text(encoding="utf-8"))["complete"] == 1
    summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    row = {name: summary[4][name] for name in ("status", "rung_epoch", "rung_score", "val_acc")}
    assert row == {"status": "stopped", "rung_epoch": 1, "rung_score": 51.0, "val_acc": None}
    page = (folder / REPORT).read_text(encoding="utf-8")
    assert "after epoch 2: 2 configurations, 1 stopped" in page
    assert "not ranked: stopped after epoch 1" in json.dumps(ranking_notes(folder))
    assert "6/8 done: 2 passed, 4 stopped" in list(status_lines(folder))


def ranking_notes(folder: Path) -> list[str]:
    page = read_sweep(folder, USUAL)
    return list(ranking_data(page.ranking, page.every)["notes"])


def test_frames_say_where_a_trial_was_stopped(tmp_path: Path) -> None:
    trials = load_sweep(written(tmp_path)).trials
    ends = dict(zip(trials["config_file"], trials["status"], strict=True))
    assert ends["config_005"] == str(Status.STOPPED)
    row = trials[trials["config_file"] == "config_005"].iloc[0]
    assert (row["rung_epoch"], row["rung_score"]) == (1, 51.0)


def test_values_of_others_stay_text(tmp_path: Path) -> None:
    folder = written(tmp_path, stopped_sweeps.HOSTILE)
    assert "<img" not in (folder / REPORT).read_text(encoding="utf-8")
    assert stopped_sweeps.HOSTILE.split("$")[0] in (folder / ANALYSIS).read_text(encoding="utf-8")
