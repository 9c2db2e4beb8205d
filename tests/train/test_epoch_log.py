"""The training log: a line an epoch in the log of each trial, packed or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from trial_tasks import small_task

from espalier.core.trial import LOG, Result, Status, Task
from espalier.train import epoch_log, worker_entry

RECORD = {
    "epoch": 3,
    "epochs": 20,
    "step": 45,
    "train_loss": 0.25,
    "val_loss": 1 / 3,
    "val_acc": 91.2,
    "lr": 0.001,
    "sparsity": 0.5,
    "seconds": 0.0814,
    "task": 1,
}


def begun(folder: Path, number: int) -> Task:
    """Return the task of a trial whose log has been begun, with this number as its seed."""
    directory = folder / f"config_{number:03}"
    directory.mkdir(parents=True)
    (directory / LOG).write_text("== begun\n", encoding="utf-8")
    task = small_task(SEED=str(number))
    return Task.single(task.trial, task.settings, directory)


def test_lines() -> None:
    assert epoch_log.epoch_line(RECORD) == (
        "epoch 3/20: train_loss=0.25 val_loss=0.333333 val_acc=91.20% sparsity=0.5000 lr=0.001 "
        "seconds=0.081"
    )
    measures = {"test_acc": 90, "val_loss": 0.5, "final_sparsity": 0.7, "total_time": 1.5}
    assert epoch_log.end_line(Result(Status.PASSED, measures=measures)) == (
        "trained: val_loss=0.5 test_acc=90.00% final_sparsity=0.7000 total_time=1.500"
    )


def test_every_trial_of_a_pack_has_a_log_of_its_own(tmp_path: Path) -> None:
    tasks = [begun(tmp_path, number) for number in (1, 2)]
    results = dict(worker_entry.train_pack(tasks))
    assert {result.provenance.pack_size for result in results.values()} == {2}
    for index, task in enumerate(tasks):
        lines = task.log.read_text(encoding="utf-8").split("\n")
        expected = [epoch_log.epoch_line(record) for record in results[index].history]
        assert len(expected) == 3
        assert lines == ["== begun", *expected, epoch_log.end_line(results[index]), ""]


@pytest.mark.parametrize("what", ["missing", "folder", "no folder around it"])
def test_a_log_that_cannot_be_written_costs_no_trial(tmp_path: Path, what: str) -> None:
    task = begun(tmp_path, 1)
    task.log.unlink()
    if what == "folder":
        task.log.mkdir()
    elif what == "no folder around it":
        task.directory.rmdir()
    assert worker_entry.train_trial(task).status is Status.PASSED
    assert not task.log.is_file()


def test_of_several_processes_the_first_writes(tmp_path: Path) -> None:
    task = begun(tmp_path, 1)
    epoch_log.append_line(Task(**{**vars(task), "rank": 1}), "epoch 1/2: val_acc=1%")
    assert task.log.read_text(encoding="utf-8") == "== begun\n"
