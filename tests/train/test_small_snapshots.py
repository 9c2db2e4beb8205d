"""Snapshots as differences: gone on from exactly, never without what they rest on, and smaller."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import test_worker_entry
import torch
from test_branch_command import resumed
from test_snapshot_deltas import same
from test_snapshots import SNAPSHOTS, killed_after, task

from espalier.errors import UserError
from espalier.train import album, snapshots, worker_entry
from espalier.train.album import SnapshotPlan
from espalier.train.snapshots import DELTA, SMALL_WHOLE, WHOLE, Snapshot

SMALL = {"SNAPSHOT_DELTA": "y"}
STATIC = {"PRUNING_METHOD": "static", "SPARSE_DENSITY": "0.1", "OPTIMIZER": "adam"}
DENSE = {"PRUNING_METHOD": "none", "OPTIMIZER": "adam", "LEARNING_RATE": "0.01"}


def taken(folder: Path) -> list[Snapshot]:
    return [snapshots.load(path) for path in snapshots.found_in(folder / album.FOLDER)]


def kinds(folder: Path) -> list[str]:
    return [one.about["stored"]["as"] for one in taken(folder)]


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


OTHERS = [
    STATIC,
    {"PRUNING_METHOD": "rigl", "SPARSE_EVERY": "7", "OPTIMIZER": "adamw"},
    {"MODEL": "blocks", "PRUNING_METHOD": "grow", "OPTIMIZER": "adam", "AUGMENT_FLIP": "n"},
    DENSE,
]


@pytest.mark.parametrize("changes", OTHERS, ids=lambda c: c["PRUNING_METHOD"])
def test_each_gives_what_a_whole_one_gives(changes, tmp_path):
    for name, settings in {"whole": {}, "small": SMALL}.items():
        killed_after(6, task(tmp_path / name, settings, NUM_EPOCHS="6", **changes))
    pairs = zip(taken(tmp_path / "whole"), taken(tmp_path / "small"), strict=True)
    for one, other in pairs:
        content = [each.read() for each in (one, other)]
        for record in (record for each in content for record in each["history"]):
            del record["seconds"]
        same(content[0], content[1])
        assert other.about["bytes"] < one.about["bytes"]


def test_a_trial_goes_on_from_a_difference(tmp_path):
    whole = worker_entry.train_trial(task(tmp_path / "whole", **STATIC))
    one = task(tmp_path / "cut", SMALL, **STATIC)
    killed_after(3, one)
    assert kinds(tmp_path / "cut") == [SMALL_WHOLE, DELTA]
    result = worker_entry.train_trial(one)
    assert test_worker_entry.numbers(result) == test_worker_entry.numbers(whole)
    assert result.provenance["resumed"] == {"epoch": 2}


def test_a_difference_that_is_not_worth_it_is_a_whole_one(tmp_path):
    draw = torch.Generator().manual_seed(1)
    weights = [torch.randn(1000, generator=draw) for _ in range(2)]
    told = []
    for epoch, values in enumerate([weights[0], weights[1], weights[1] + 0], 1):
        path = tmp_path / f"epoch_{epoch:05}.json"
        told.append({**snapshots.write_small(path, {"w": values}), "epoch": epoch})
        snapshots.write_about(path, told[-1])
    assert [one["stored"]["as"] for one in told] == [SMALL_WHOLE, SMALL_WHOLE, DELTA]
    assert told[2]["stored"]["base"] == "epoch_00002.json"
    assert [one["stored"]["part"] < 0.5 for one in told] == [False, False, True]
    assert torch.equal(snapshots.load(tmp_path / "epoch_00003.json").read()["w"], weights[1])


def test_without_the_wish_all_are_as_torch_writes_them(tmp_path):
    worker_entry.train_trial(task(tmp_path, **STATIC))
    assert set(kinds(tmp_path)) == {WHOLE}
    assert set(torch.load(taken(tmp_path)[0].file, weights_only=True)) == {"position", "history"}


def test_one_without_compression_may_be_what_others_rest_on(tmp_path):
    killed_after(2, task(tmp_path, **STATIC))
    killed_after(3, task(tmp_path, SMALL, **STATIC))
    assert kinds(tmp_path) == [WHOLE, DELTA]
    assert taken(tmp_path)[1].read()["position"]["epoch"] == 2


def test_damage_to_what_others_rest_on_is_damage_to_them(tmp_path, capsys):
    one = task(tmp_path, SMALL, NUM_EPOCHS="5", **STATIC)
    killed_after(5, one)
    second = taken(tmp_path)[1]
    path = second.path
    snapshots.write_about(path, {**second.about, **snapshots.write_whole(path, second.read())})
    assert kinds(tmp_path) == [SMALL_WHOLE, WHOLE, DELTA, DELTA]
    assert [one.base and one.base.name for one in taken(tmp_path)[2:]] == ["epoch_00001.json"] * 2
    damage(taken(tmp_path)[0].file)
    result = worker_entry.train_trial(one)
    assert result.provenance["resumed"] == {"epoch": 2}  # the last that rests on nothing
    said = capsys.readouterr().out
    assert "epoch_00004.json: a difference; it needs" in said
    assert "epoch_00001.pt: damaged: its checksum" in said
    assert kinds(tmp_path)[2:] == [DELTA, DELTA]
    assert {one.base and one.base.name for one in taken(tmp_path)[2:]} == {"epoch_00002.json"}


def test_a_damaged_difference_leaves_what_it_rests_on(tmp_path):
    one = task(tmp_path, SMALL, **STATIC)
    killed_after(3, one)
    damage(taken(tmp_path)[1].file)
    assert worker_entry.train_trial(one).provenance["resumed"] == {"epoch": 1}


def test_none_rests_on_what_is_damaged(tmp_path):
    one = task(tmp_path, SMALL, NUM_EPOCHS="4", **STATIC)
    killed_after(2, one)
    damage(taken(tmp_path)[0].file)
    found = taken(tmp_path)[0].path
    content = {"position": {"w": torch.zeros(9)}, "history": []}
    told = snapshots.write_small(found.with_name("epoch_00002.json"), content)
    assert told["stored"]["as"] == SMALL_WHOLE


@pytest.mark.parametrize("what", ["gone", "another"])
def test_one_that_lacks_what_it_rests_on_is_one_line(what, tmp_path):
    killed_after(3, task(tmp_path, SMALL, **STATIC))
    base, delta = taken(tmp_path)
    if what == "gone":
        base.remove()
    else:
        told = json.loads(base.path.read_text())
        snapshots.write_about(base.path, {**told, "sha256": "0"})
    with pytest.raises(UserError, match=r"epoch_00002\.json: a difference; it needs .*00001\.json"):
        delta.read()


def test_what_a_kept_one_rests_on_is_kept(tmp_path):
    worker_entry.train_trial(
        task(tmp_path, {**SMALL, "SNAPSHOT_KEEP": "1"}, NUM_EPOCHS="6", **STATIC)
    )
    assert [one.epoch for one in taken(tmp_path)] == [1, 5]
    assert kinds(tmp_path) == [SMALL_WHOLE, DELTA]
    taken(tmp_path)[1].read()


def test_what_none_rests_on_any_more_goes():
    def shot(epoch, base=""):
        about = {"epoch": epoch, "reason": album.EPOCH, "stored": {"base": base}}
        return Snapshot(Path(f"{epoch}.json"), about)

    found = [shot(1), shot(2, "1.json"), shot(3), shot(4, "3.json"), shot(5, "3.json")]
    plan = SnapshotPlan(1, False, 2, False)
    assert plan.kept(found[:3]) == {Path(f"{epoch}.json") for epoch in (1, 2, 3)}
    assert plan.kept(found) == {Path(f"{epoch}.json") for epoch in (3, 4, 5)}


def test_resume_takes_along_what_a_difference_rests_on(tmp_path):
    one = task(tmp_path / "trial", SMALL, **STATIC)
    killed_after(3, one)
    result = resumed(tmp_path / "branch", str(taken(tmp_path / "trial")[1].path))
    whole = worker_entry.train_trial(
        replace(test_worker_entry.small_task(SNAPSHOTS, **STATIC), directories=(tmp_path,))
    )
    assert test_worker_entry.numbers(result) == test_worker_entry.numbers(whole)
    assert result.provenance["resumed"]["epoch"] == 2
