from __future__ import annotations

import pytest
from fake_sweep import trial

from espalier.core.records import EpochRecord
from espalier.core.trial import Result, Status
from espalier.run.displays.progress import (
    Ending,
    counted,
    duration,
    finished_line,
    outcome,
    overall,
    running_line,
)
from espalier.store.sweep_state import SweepStatus, TaskProgress


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "?"),
        (0, "0.0s"),
        (3.14, "3.1s"),
        (59.94, "59.9s"),
        (59.96, "1m00s"),
        (100, "1m40s"),
        (3599.6, "1h00m"),
        (7500, "2h05m"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("counts", "running", "mean", "eta"),
    [
        ({"notrun": 4}, [], None, None),  # nothing is known yet
        ({"passed": 4}, [], 2.0, 0.0),
        ({"passed": 2, "notrun": 4}, [], 3.0, 6.0),  # 4 trials of 3 s on 2 workers
        ({"running": 1, "notrun": 1}, [(2.0, 1, 4)], None, 7.0),  # 8 s a trial: (6 + 8) / 2
        ({"running": 1}, [(2.0, 1, 4)], 3.0, 6.0),  # a slow one is not hidden by the mean
        ({"running": 1}, [(5.0, 0, 0)], 3.0, 0.0),
    ],
)
def test_time_to_the_end(
    counts: dict[str, int],
    running: list[tuple[float, int, int]],
    mean: float | None,
    eta: float | None,
) -> None:
    shown = tuple(
        TaskProgress("x", EpochRecord(epoch=epoch, epochs=epochs or None), elapsed)
        for elapsed, epoch, epochs in running
    )
    assert SweepStatus(counts, shown, 2, mean).eta == eta


def status(**counts: int) -> SweepStatus:
    return SweepStatus(counts, (), 2, 10.0)


def test_the_line_of_a_trial_that_passed() -> None:
    result = Result(Status.PASSED, measures={"val_acc": 97.18, "final_sparsity": 0.7})
    line = finished_line(Ending(trial(3).name, result, 3.1), status(passed=3, notrun=33))
    assert line == "[ 3/36] config_003 passed val 97.2% sparsity 70.0% 3.1s  ETA 2m45s"


def test_the_line_of_a_trial_that_lacks_numbers() -> None:
    result = Result(Status.PASSED, measures={"val_acc": None})
    line = finished_line(Ending(trial(3).name, result, 3.1), status(passed=1))
    assert line == "[1/1] config_003 passed 3.1s  ETA 0.0s"


def test_the_line_of_an_error_that_is_tried_again() -> None:
    result = Result(Status.ERROR, "oom", "too large")
    line = finished_line(Ending(trial(3).name, result, 3.1, True), status(passed=1, notrun=1))
    assert line.startswith("[1/2] config_003 error oom: too large (to be tried again) 3.1s")


def test_a_long_message_of_many_lines_is_one_short_line() -> None:
    result = Result(Status.ERROR, "crash", "first\nsecond\x1b[31m" + "x" * 10_000)
    line = outcome(Ending("config\n003", result, 3.1, True))
    assert line.startswith("config\\n003 error crash: first\\nsecond\\x1b[31mxxx")
    assert line.endswith("xxx... (to be tried again)") and len(line) < 260


def test_the_line_of_a_running_trial() -> None:
    record = {"epoch": 4, "epochs": 20, "train_loss": 0.2134, "val_acc": 93.12, "sparsity": 0.35}
    assert (
        running_line(TaskProgress("config_003", EpochRecord.from_json(record), 2.0))
        == "config_003 epoch 4/20 loss 0.2134 val 93.1% sparsity 35.0%  2.0s"
    )
    assert (
        running_line(TaskProgress("config_003", EpochRecord(), 2.0)) == "config_003 starting  2.0s"
    )
    nothing_finite = {"epoch": 4, "epochs": 20, "train_loss": None}
    assert (
        running_line(TaskProgress("x", EpochRecord.from_json(nothing_finite), 2.0))
        == "x epoch 4/20  2.0s"
    )


def test_counts_are_named_in_a_fixed_order() -> None:
    assert counted({"error": 1, "passed": 2, "notrun": 5}) == "2 passed, 1 error"
    assert overall(status(passed=2, notrun=2)).startswith(
        "2/4 done (2 passed), workers are starting  ETA"
    )
