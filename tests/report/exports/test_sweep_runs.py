from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stored_sweeps import stored
from trial_results import ended, passed, trial

from espalier.analysis.rank import TrialResult
from espalier.core.records import PlanHeader, Provenance, Revision
from espalier.core.trial import Record, Status
from espalier.report.exports.sweep_runs import StoredSweep, left_out, read_sweep, tracked_runs
from espalier.report.exports.tracked_run import RunPoint, TrackedRun
from espalier.store.attempt import Attempt


def sweep(*results: TrialResult, started: float = 100.0) -> StoredSweep:
    """The record of a sweep whose trials took ten seconds each."""
    made = [
        Attempt(
            item.trial.number, 1, 1, item.result.status, "", "", started, started + 10, 1, "cpu"
        )
        for item in results
        if item.attempts
    ]
    header = read_header(name="first", note="says <b>it</b>", tags=["a", "b"])
    return StoredSweep("sweep_1", 99.0, header, results, made)


def read_header(**more: Any) -> PlanHeader:
    return PlanHeader.from_json({"settings": {"RANK_BY": "val_acc"}, "plan_id": "abc", **more})


def with_history(*records: Record, **more: Any) -> TrialResult:
    item = passed(trial(1, 7, LR="0.1"), 98.0, **more)
    return item._replace(result=replace(item.result, history=list(records)))


def run_of(*records: Record, **more: Any) -> TrackedRun:
    return tracked_runs(sweep(with_history(*records, **more)))[0]


def test_a_trial_is_a_run() -> None:
    item = passed(trial(2, 7, LR="0.1"), 98.0)
    origin = Provenance(device="cuda:0 (H200)", code=Revision(commit="c0ffee"), versions={"a": "1"})
    item = item._replace(result=replace(item.result, provenance=origin))
    run = tracked_runs(sweep(passed(trial(1, 1, LR="0.1"), 97.0), item))[1]
    assert (run.name, run.group, run.status) == ("config_002", "config_001", "passed")
    assert (run.started, run.finished) == (100_000, 110_000)
    assert run.parameters == dict(item.trial.config)
    assert run.measures == {
        "val_acc": 98.0,
        "test_acc": 90.0,
        "final_sparsity": 0.7,
        "total_time": 10.0,
    }
    assert run.tags == {
        "trial_id": "000000000002",
        "sweep": "sweep_1",
        "attempts": "1",
        "device": "cuda:0 (H200)",
        "commit": "c0ffee",
        "versions": '{"a":"1"}',
        "sweep_name": "first",
        "sweep_note": "says <b>it</b>",
        "sweep_tags": '["a","b"]',
    }


def test_points_have_the_time_that_their_epochs_took() -> None:
    run = run_of(
        {"epoch": 1, "step": 10, "val_acc": 90.0, "seconds": 1.5},
        {"epoch": 2, "step": 20, "val_acc": None, "seconds": 2},
    )
    assert run.history[0] == RunPoint(10, 101_500, {"epoch": 1, "val_acc": 90.0, "seconds": 1.5})
    assert run.history[1][:2] == (20, 103_500)
    assert math.isnan(float(run.history[1].values["val_acc"]))


def test_without_seconds_points_are_a_millisecond_apart() -> None:
    run = run_of({"epoch": 1, "val_acc": 90}, {"epoch": 2, "val_acc": 91, "seconds": 5})
    assert [(point.step, point.time) for point in run.history] == [(1, 100_000), (2, 100_001)]
    run = run_of({"val_acc": 1, "seconds": 0}, {"val_acc": 2, "seconds": 0})
    assert [(point.step, point.time) for point in run.history] == [(1, 100_000), (2, 100_001)]


def test_steps_may_repeat_and_shrink() -> None:
    run = run_of({"step": 5, "a": 1}, {"step": 5, "a": 1}, {"step": 2, "a": 1})
    assert [point.step for point in run.history] == [5, 5, 2]


def test_what_is_measured_on_test_data_is_final() -> None:
    run = run_of({"epoch": 1, "test_acc": 88.0, "val_acc": 90.0}, {"epoch": 2, "test_acc": 89.0})
    assert [dict(point.values) for point in run.history] == [{"val_acc": 90.0}]
    assert run.measures["test_acc"] == 90.0


def test_accuracies_of_a_trial_that_did_not_pass_cannot_rank() -> None:
    item = ended(trial(1, 1), Status.FAILED, "diverged", "loss is not finite", val_acc=9, steps=3)
    run = tracked_runs(sweep(item))[0]
    assert (run.status, run.measures) == ("failed", {"steps": 3})
    assert (run.tags["reason"], run.tags["message"]) == ("diverged", "loss is not finite")


def test_other_values_are_texts() -> None:
    run = run_of({"epoch": 1, "seen": [1, "é"], "kept": True, "word": "a\ud800", "huge": 2**64})
    assert run.history[0].values == {
        "seen": '[1, "é"]',
        "kept": 1,
        "word": "a\\ud800",
        "huge": "18446744073709551616",
    }


def test_ids_are_of_the_trial_and_of_the_sweep() -> None:
    first = sweep(*(passed(trial(number, number), 98.0) for number in (1, 2)))
    other = replace(first, created=98.0)
    ids = [run.id for run in (*tracked_runs(first), *tracked_runs(other))]
    assert len(set(ids)) == 4 and all(len(each) == 32 for each in ids)
    assert [run.id for run in tracked_runs(replace(first, name="moved"))] == ids[:2]


@pytest.mark.parametrize("started", [-1e300, 1e300])
def test_a_time_of_no_calendar_is_the_nearest_that_has_one(started: float) -> None:
    run = tracked_runs(sweep(with_history({"epoch": 1, "a": 1}), started=started))[0]
    assert run.started in (0, 253_402_300_799_000)
    assert run.started <= run.history[0].time < run.finished


def test_trials_that_have_not_ended_are_left_out(tmp_path: Path) -> None:
    waiting = ended(trial(2, 2), Status.NOTRUN)
    crashed = ended(trial(3, 3), Status.ERROR, "crash")
    folder = stored(tmp_path / "sweep_1", [passed(trial(1, 1), 98.0), waiting, crashed])
    read = read_sweep(folder)
    runs = tracked_runs(read)
    assert [(run.name, run.tags["attempts"]) for run in runs] == [
        ("config_001", "1"),
        ("config_003", "2"),
    ]
    assert left_out(read.results) == 1
    assert read.name == "sweep_1"
