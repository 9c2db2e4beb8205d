"""training_metrics.json: known to be up to date by its time, read where that says nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from fake_sweep import trial

from espalier.core.trial import Result, Status
from espalier.store.attempt import Attempt, LastAttempt, moment_of
from espalier.store.sweep_files import METRICS
from espalier.store.trials import metrics_file
from espalier.store.trials.metrics_file import is_current

ENDS = (1000.25, 2000.5)  # seconds since 1970 at which the attempts of a trial ended
LAST = LastAttempt(1, 2, "passed", 2_000_500_000_000)


def attempt(number: int, status: Status) -> Attempt:
    end = ENDS[number - 1]
    return Attempt(1, number, 1, status, "", "", end - 10, end, 4711, "cpu")


ATTEMPTS = [attempt(1, Status.ERROR), attempt(2, Status.PASSED)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    metrics_file.write(tmp_path / METRICS, trial(1), Result(Status.PASSED), ATTEMPTS)
    return tmp_path / METRICS


def test_a_file_has_the_time_of_its_last_attempt(path: Path) -> None:
    assert path.stat().st_mtime_ns == LAST.moment
    assert is_current(path, LAST)


def test_one_that_has_its_time_is_not_read(path: Path) -> None:
    path.write_text("no JSON", encoding="utf-8")
    assert not is_current(path, LAST)
    os.utime(path, ns=(LAST.moment, LAST.moment))
    assert is_current(path, LAST)


def test_one_of_an_earlier_attempt_is_not_current(path: Path) -> None:
    metrics_file.write(path, trial(1), Result(Status.ERROR), ATTEMPTS[:1])
    assert not is_current(path, LAST)
    os.utime(path)  # a copy, made later
    assert not is_current(path, LAST)


def test_a_copy_is_read_once_and_has_its_time_again(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    shutil.copyfile(path, copy)
    assert is_current(copy, LAST)
    assert copy.stat().st_mtime_ns == LAST.moment


def test_an_empty_file_and_none_are_not_current(path: Path, tmp_path: Path) -> None:
    path.write_text("", encoding="utf-8")  # as a machine without power may leave it
    os.utime(path, ns=(LAST.moment, LAST.moment))
    assert not is_current(path, LAST)
    assert not is_current(tmp_path / "absent.json", LAST)
    assert not is_current(tmp_path, LAST)


def test_what_did_not_end_has_no_time(path: Path) -> None:
    os.utime(path, ns=(0, 0))
    path.write_text("no JSON", encoding="utf-8")
    os.utime(path, ns=(0, 0))
    assert not is_current(path, LAST._replace(moment=moment_of(None)))
    assert [moment_of(end) for end in (None, float("inf"), 1.5)] == [0, 0, 1_500_000_000]
