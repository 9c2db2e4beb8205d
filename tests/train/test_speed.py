from __future__ import annotations

from pathlib import Path

import pytest
from trial_tasks import small_task

from espalier.core.errors import UserError
from espalier.core.trial import Result, Status
from espalier.train import speed, worker_entry


def measured(limit: float, folder: Path, **config: str) -> Result:
    task = small_task(**config)
    settings = {**task.settings, speed.SECONDS: f"{limit:g}", "DATA_DIR": str(folder)}
    task = type(task).single(task.trial, settings, folder)
    return worker_entry.measure_speed([task])


def test_a_short_run_is_measured_to_its_end(tmp_path: Path) -> None:
    result = measured(60.0, tmp_path, NUM_EPOCHS="3", PRUNING_METHOD="none")
    assert (result.status, result.measures["whole"]) == (Status.PASSED, True)
    assert (result.measures["epochs"], result.measures["random"]) == (3, False)
    assert all(record["seconds"] > 0 for record in result.history)


def test_a_long_run_is_ended_and_an_endless_epoch_is_made_up_of_steps(tmp_path: Path) -> None:
    result = measured(0.3, tmp_path, NUM_EPOCHS="100000", PRUNING_METHOD="none")
    assert (result.status, result.measures["whole"]) == (Status.PASSED, False)
    low, middle, high = (
        record["seconds"] for record in measured(1e-9, tmp_path, PRUNING_METHOD="none").history
    )
    assert 0 < low <= middle <= high


def test_random_samples_stand_in_for_files_that_are_not_here(tmp_path: Path) -> None:
    config = {"DATASET": "mnist", "DATA_VERIFY": "y", "PRUNING_METHOD": "none"}
    result = measured(1e-9, tmp_path, **config)
    assert (result.status, result.measures["random"]) == (Status.PASSED, True), result.message


def test_a_trial_that_cannot_be_trained_says_why(tmp_path: Path) -> None:
    result = measured(1.0, tmp_path, BATCH_SIZE="5000")
    assert (result.status, result.reason) == (Status.FAILED, "batch_size")


def test_files_of_ones_own_that_are_not_here_cannot_be_measured(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        measured(1.0, tmp_path, DATASET="mnist", DATA_VERIFY="n", PRUNING_METHOD="none")
