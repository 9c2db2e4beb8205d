"""The files of trials: what is written, and what it means if one cannot be."""

from __future__ import annotations

import shutil
from pathlib import Path

import fake_sweep
import pytest

from espalier.core.trial import LOG, Action, Result, Status, Task
from espalier.run.tasks.trial_outputs import BROKEN_TASK, TrialOutputs, keep_small
from espalier.run.workers.worker import HOPELESS
from espalier.store.results_dir import CONFIG, SweepDir

FAILED = Result(Status.FAILED, "diverged", "loss is nan")
TRIALS = [fake_sweep.trial(1), fake_sweep.trial(2)]


@pytest.fixture
def sweep(tmp_path: Path) -> SweepDir:
    return SweepDir(fake_sweep.created(fake_sweep.request(tmp_path, TRIALS)))


def task(sweep: SweepDir, action: Action = Action.TRAIN) -> Task:
    folders = (sweep.directory(1), sweep.directory(2))
    return Task(tuple(TRIALS), {}, folders, (1, 1), action)


def test_every_trial_of_a_task_gets_a_folder(sweep: SweepDir) -> None:
    assert TrialOutputs(sweep).prepare(task(sweep)) == {}
    assert all((sweep.directory(number) / CONFIG).exists() for number in (1, 2))


def test_one_that_trains_nothing_needs_none(sweep: SweepDir) -> None:
    assert TrialOutputs(sweep).prepare(task(sweep, Action.PROBE)) == {}
    assert not sweep.directory(1).exists()


def test_a_trial_without_a_folder_ends_and_the_others_are_tried_again(sweep: SweepDir) -> None:
    sweep.directory(1).write_text("in the way")
    refused = TrialOutputs(sweep).prepare(task(sweep))
    assert (refused[1].reason, refused[2].reason) == (HOPELESS, BROKEN_TASK)
    assert str(sweep.directory(1)) in refused[1].message


def test_a_folder_that_a_trial_has_deleted_is_made_again(sweep: SweepDir) -> None:
    outputs = TrialOutputs(sweep)
    outputs.prepare(task(sweep))
    shutil.rmtree(sweep.directory(1))
    assert outputs.log_ending(1, FAILED) == ""
    log = (sweep.directory(1) / LOG).read_text(encoding="utf-8")
    assert log == "== failed (diverged): loss is nan\n"


def test_a_file_that_cannot_be_written_is_a_note(sweep: SweepDir) -> None:
    sweep.directory(1).write_text("in the way")
    note = TrialOutputs(sweep).write_metrics(TRIALS[0], FAILED)
    assert note.startswith(f"note: {sweep.directory(1)}")
    assert note.endswith("the result is in sweep.db all the same")


def test_a_log_that_is_gone_is_left_alone(tmp_path: Path) -> None:
    keep_small(tmp_path / "absent" / LOG)
