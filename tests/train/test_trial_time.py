"""Trials of equal time: how long they become, and that each is a plain trial of that length."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from trial_tasks import killed_after, numbers, small_task, snapshot_task

from espalier.core.trial import Status, Task
from espalier.train import trial_time, worker_entry
from espalier.train.engine.trainer import Trainer

HALF = 0.5  # seconds of an epoch


@pytest.fixture
def half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_time, "epoch_seconds", lambda trainer, limit: HALF)


def never(task: Task) -> Trainer:
    raise AssertionError("nothing is to be measured")


def plain(**changes: str) -> Task:
    return small_task(**changes)


def test_without_a_time_a_task_stays_as_it_is() -> None:
    task = plain()
    assert trial_time.resolve(task, None, never) == (task, None)


@pytest.mark.usefixtures("half")
def test_a_trial_of_some_time_is_a_plain_one_whose_schedules_are_stretched() -> None:
    timed = worker_entry.train_trial(plain(TRIAL_SECONDS="6", LR_SCHEDULE="cosine"))
    assert timed.status is Status.PASSED
    # 12 epochs in place of 3: the warm-up of 5 steps and the end of the ramp, epoch 2, move too
    config = {"NUM_EPOCHS": "12", "PRUNING_WARMUP": "20", "PRUNING_RAMP_END_EPOCH": "8"}
    assert timed.provenance.timed == {"epochs": 12, "seconds": HALF, "config": config}
    assert (timed.measures["epochs"], timed.measures["steps"]) == (12, 180)
    same = worker_entry.train_trial(plain(LR_SCHEDULE="cosine", **config))
    assert numbers(timed) == numbers(same)
    assert same.provenance.timed is None


@pytest.mark.usefixtures("half")
def test_what_is_never_stays_never_and_no_moment_becomes_that() -> None:
    task = plain(TRIAL_SECONDS="1", NUM_EPOCHS="40", PRUNING_WARMUP="0")
    made, timed = trial_time.resolve(task, None, lambda task: worker_entry.prepare(task)[0])
    assert timed is not None
    assert timed["config"] == {"NUM_EPOCHS": "2", "PRUNING_RAMP_END_EPOCH": "1"}
    assert (made.trial.config["PRUNING_WARMUP"], made.trial.config["NUM_EPOCHS"]) == ("0", "2")
    assert "TRIAL_SECONDS" not in made.trial.config


def test_a_time_that_holds_no_epoch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_time, "epoch_seconds", lambda trainer, limit: 30.0)
    result = worker_entry.train_trial(plain(TRIAL_SECONDS="10"))
    assert (result.status, result.reason) == (Status.ERROR, "input")
    rule = "one epoch takes 30 s here; give it more time, or fewer samples by CONFIG_TRAIN_SUBSET"
    assert result.message == f"CONFIG_TRIAL_SECONDS=10: {rule}"


def test_an_epoch_is_timed_whole_or_made_up_of_steps() -> None:
    for limit in (0.2, 1e-9):
        trainer, _ = worker_entry.prepare(plain(NUM_EPOCHS="20"))
        assert 0 < trial_time.epoch_seconds(trainer, limit) < 5


@pytest.mark.usefixtures("half")
def test_a_trial_that_was_killed_goes_on_to_the_length_that_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = snapshot_task(tmp_path, TRIAL_SECONDS="3")
    whole = worker_entry.train_trial(task)
    killed_after(4, replace(task, directories=(tmp_path / "b",)))
    monkeypatch.setattr(trial_time, "epoch_seconds", lambda trainer, limit: 9 * HALF)
    again = worker_entry.train_trial(replace(task, directories=(tmp_path / "b",)))
    assert again.provenance.resumed == {"epoch": 3}
    assert numbers(again) == numbers(whole)


@pytest.mark.usefixtures("half")
@pytest.mark.parametrize(
    "said",
    [
        None,
        [6],
        {"epochs": 9, "config": "9"},
        {"epochs": 9, "config": {}},
        {"epochs": 9, "config": {"NUM_EPOCHS": 9}},
        {"epochs": 9, "config": {"NUM_EPOCHS": "-9"}},
        {"epochs": 9, "config": {"NUM_EPOCHS": "9", "SEED": "$(x)"}},
    ],
)
def test_what_a_snapshot_may_not_say_is_measured_anew(tmp_path: Path, said: object) -> None:
    task = snapshot_task(tmp_path, TRIAL_SECONDS="3")
    killed_after(2, task)
    (path,) = (tmp_path / "snapshots").glob("*.json")
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["made"]["timed"] = said
    path.write_text(json.dumps(manifest), encoding="utf-8")
    made, timed = trial_time.resolve(task, None, lambda task: worker_entry.prepare(task)[0])
    assert timed is not None and timed["epochs"] == 6
    assert made.trial.config["NUM_EPOCHS"] == "6"


def test_how_fast_a_trial_is_is_measured_without_its_limit(tmp_path: Path) -> None:
    task = small_task({"MEASURE_SECONDS": "1e-9"}, TRIAL_SECONDS="3600", NUM_EPOCHS="2")
    result = worker_entry.measure_speed([replace(task, directories=(tmp_path,))])
    assert (result.status, len(result.history)) == (Status.PASSED, 3)
