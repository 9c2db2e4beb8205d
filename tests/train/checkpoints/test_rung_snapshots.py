"""A trial that pauses at a rung goes on exactly, alone and in a pack, and leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from trial_tasks import numbers, small_task, snapshot_task

from espalier.core.trial import PAUSED, Result, Status, Task
from espalier.train import worker_entry
from espalier.train.checkpoints.rung_snapshots import remove_rung_snapshots

NONE = {"SNAPSHOT_EVERY": "0"}


def task(
    folder: Path, until: int = 0, settings: dict[str, str] | None = None, **changes: str
) -> Task:
    """A trial of three epochs that takes no snapshots but where it pauses."""
    made = snapshot_task(folder, {**NONE, **(settings or {})}, **changes)
    return replace(made, until=until)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("snapshots/*"))


OTHERS = [
    {},
    {"SHIFT": "permuted", "SHIFT_EPOCHS": "1"},
    {"EARLY_STOP_PATIENCE": "9", "LEARNING_RATE": "0.1", "OPTIMIZER": "adam"},
    {"PRUNING_METHOD": "rigl", "SPARSE_EVERY": "7", "LR_SCHEDULE": "cosine"},
]


@pytest.mark.parametrize("changes", OTHERS, ids=lambda c: next(iter(c), "plain"))
def test_a_trial_that_paused_twice_ends_as_one_that_never_did(
    changes: dict[str, str], tmp_path: Path
) -> None:
    whole = worker_entry.train_trial(small_task(**changes))
    for until in (1, 2):
        waits = worker_entry.train_trial(task(tmp_path, until, **changes))
        assert (waits.status, waits.reason, waits.message) == (
            *(Status.STOPPED, PAUSED),
            f"waits after epoch {until}",
        )
        assert numbers(waits)[0] == numbers(whole)[0][:until]
        assert left(tmp_path) == [f"epoch_0000{until}.json", f"epoch_0000{until}.pt"]
    result = worker_entry.train_trial(task(tmp_path, **changes))
    assert numbers(result) == numbers(whole)
    assert result.provenance.resumed == {"epoch": 2}
    assert not (tmp_path / "snapshots").exists()


def packed(tasks: Sequence[Task]) -> list[Result]:
    """Return the results of tasks that are trained together."""
    return [
        result for _, result in sorted(worker_entry.train_pack(tasks), key=lambda pair: pair[0])
    ]


def test_a_pack_that_paused_goes_on_as_one_that_never_did(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abc"]
    seeds = [{"SEED": str(n), "AMP": "off"} for n in (1, 2, 3)]
    pairs = list(zip(folders, seeds, strict=True))
    whole = packed([task(tmp_path / "whole" / folder.name, **seed) for folder, seed in pairs])
    assert [r.provenance.pack_size for r in whole] == [3, 3, 3]
    waits = packed([task(folder, 1, **seed) for folder, seed in pairs])
    assert [r.reason for r in waits] == [PAUSED] * 3
    ends = packed([task(folder, **seed) for folder, seed in pairs])
    assert [numbers(r) for r in ends] == [numbers(r) for r in whole]
    assert [r.provenance.pack_size for r in ends] == [3, 3, 3]


def test_a_runner_that_was_killed_at_a_rung_finds_the_trial_there(tmp_path: Path) -> None:
    first = worker_entry.train_trial(task(tmp_path, 1))
    again = worker_entry.train_trial(task(tmp_path, 1))  # its result never reached the store
    assert numbers(again) == numbers(first)
    assert again.reason == PAUSED


def test_snapshots_of_the_plan_stay(tmp_path: Path) -> None:
    every = {"SNAPSHOT_EVERY": "1", "SNAPSHOT_KEEP": "0"}
    worker_entry.train_trial(task(tmp_path, 1, every))
    worker_entry.train_trial(task(tmp_path, 0, every))
    assert [name for name in left(tmp_path) if name.endswith(".json")] == [
        "epoch_00001.json",
        "epoch_00002.json",
    ]


def test_a_trial_that_diverges_after_its_rung_leaves_nothing(tmp_path: Path) -> None:
    wild = {"LEARNING_RATE": "100", "OPTIMIZER": "sgd", "PRUNING_METHOD": "none"}
    result = worker_entry.train_trial(task(tmp_path, 1, **wild))
    result = worker_entry.train_trial(task(tmp_path, **wild)) if result.reason == PAUSED else result
    assert result.status in (Status.FAILED, Status.PASSED)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"reason": "epoch"}', '{"reason": ["rung"]}', "[" * 9999]
)
def test_only_what_says_that_it_is_of_a_rung_is_removed(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "snapshots"
    folder.mkdir()
    (folder / "epoch_00001.json").write_text(text)
    (folder / "epoch_00002.json").write_text(json.dumps({"reason": "rung"}))
    (folder / "epoch_00002.pt").touch()
    remove_rung_snapshots(tmp_path)
    assert left(tmp_path) == ["epoch_00001.json"]
    remove_rung_snapshots(tmp_path / "absent")
