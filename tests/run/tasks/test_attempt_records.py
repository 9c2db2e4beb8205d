"""Attempts in the store: begun together, their progress at intervals, kept if it is locked."""

from __future__ import annotations

from pathlib import Path

import fake_sweep
import pytest

from espalier.core.trial import Result, Status
from espalier.run.tasks import attempt_records
from espalier.run.tasks.attempt_records import AttemptRecords
from espalier.run.tasks.busy_slot import BusySlot
from espalier.store.busy import StoreBusyError
from espalier.store.results_dir import SweepDir
from espalier.store.unrecorded import FILE

TRIALS = [fake_sweep.trial(1), fake_sweep.trial(2)]
PASSED = Result(Status.PASSED)


@pytest.fixture
def sweep(tmp_path: Path) -> SweepDir:
    return SweepDir(fake_sweep.created(fake_sweep.request(tmp_path, TRIALS)))


def begun(sweep: SweepDir, records: AttemptRecords) -> BusySlot:
    with sweep.store.writing():
        return BusySlot(records.begin(TRIALS, 7, "cpu", 3))


def test_a_task_has_an_attempt_and_a_folder_for_each_trial(sweep: SweepDir) -> None:
    with sweep.store.writing():
        task = AttemptRecords(sweep).begin(TRIALS, 7, "cpu", 3)
    assert task.attempts == (1, 1) and task.until == 3
    assert task.directories == (sweep.directory(1), sweep.directory(2))
    assert [(each.trial, each.worker) for each in sweep.store.attempts()] == [(1, 7), (2, 7)]


def test_what_ended_is_in_the_store_and_what_did_not_begin_is_not(sweep: SweepDir) -> None:
    records = AttemptRecords(sweep)
    with sweep.store.writing():
        ended, waiting = (records.begin([each], 7, "cpu", 0) for each in TRIALS)
        records.finish([(BusySlot(ended), TRIALS[0], PASSED)])
        records.forget([waiting])
    assert sweep.store.states() == {1: Status.PASSED, 2: Status.NOTRUN}


def test_progress_is_due_once_a_second(sweep: SweepDir, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(attempt_records.time, "monotonic", lambda: now[0])
    records = AttemptRecords(sweep)
    busy = begun(sweep, records)
    busy.record(1, {"epoch": 2})
    assert records.unsaved([busy]) == []
    now[0] = attempt_records.PROGRESS_INTERVAL
    due = records.unsaved([busy])
    assert due == [(1, 1, {"epoch": 2})]
    with sweep.store.writing():
        records.save(due)
    assert sweep.store.attempt(1, 1).progress == {"epoch": 2}
    now[0] *= 2
    assert records.unsaved([busy]) == []  # nothing new


def test_what_a_locked_store_cannot_take_is_kept_in_a_file(sweep: SweepDir) -> None:
    records = AttemptRecords(sweep)
    busy = begun(sweep, records)
    with pytest.raises(StoreBusyError), records.kept_if_locked([(busy, TRIALS[0], PASSED)]):
        raise StoreBusyError("locked")
    assert (sweep.folder / FILE).exists()
    sweep.take_over()
    assert sweep.store.states() == {1: Status.PASSED, 2: Status.NOTRUN}
