"""Snapshots on the disk: whole or not there, checked, kept as told, and gone on from exactly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import packing
import pytest
import torch
from trial_tasks import TEXT, killed_after, numbers, small_task, snapshot_task

from espalier.core import revision
from espalier.core.errors import UserError
from espalier.core.trial import Record, Result, Status
from espalier.train import worker_entry
from espalier.train.checkpoints import snapshot_files, snapshot_manager
from espalier.train.checkpoints.run_state import RunStateMismatch, capture, restore
from espalier.train.checkpoints.snapshot_files import Snapshot
from espalier.train.checkpoints.snapshot_manager import EPOCH, EVENT, SnapshotPlan
from espalier.train.loop import Loop


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / snapshot_manager.FOLDER).iterdir())


def test_a_trial_that_was_cut_off_goes_on_from_its_last_snapshot(tmp_path: Path) -> None:
    whole = worker_entry.train_trial(snapshot_task(tmp_path / "whole"))
    cut = snapshot_task(tmp_path / "cut")
    killed_after(3, cut)
    assert names(tmp_path / "cut") == [
        "epoch_00001.json",
        "epoch_00001.pt",
        "epoch_00002.json",
        "epoch_00002.pt",
    ]
    seen: list[Record] = []
    result = worker_entry.train_trial(cut, seen.append)
    assert [record["epoch"] for record in seen] == [3]
    assert numbers(result) == numbers(whole)
    assert result.provenance.resumed == {"epoch": 2}
    assert whole.provenance.resumed is None


def test_snapshots_change_no_number(tmp_path: Path) -> None:
    plain = worker_entry.train_trial(small_task(AUGMENT_FLIP="y"))
    assert numbers(worker_entry.train_trial(snapshot_task(tmp_path, AUGMENT_FLIP="y"))) == (
        numbers(plain)
    )


OTHERS = [
    {"SHIFT": "permuted", "SHIFT_EPOCHS": "1"},
    {"AUGMENT_CROP_PADDING": "2", "OPTIMIZER": "adamwspam", "SPAM_ENABLE_CLIP": "y"},
    {"EARLY_STOP_PATIENCE": "1", "LEARNING_RATE": "0.1", "OPTIMIZER": "adam", "NUM_EPOCHS": "9"},
    {"RATES": "combined", "PRUNING_METHOD": "rigl", "SPARSE_EVERY": "7"},
    {"MODEL": "lenet5", "PRUNING_METHOD": "none", "AMP": "bf16"},
    {"DENDRITIC_ANN_KIND": "dann_lrf", "MODEL": "dendritic_ann", "PRUNING_METHOD": "none"},
    {"CHARLM_FFN": "dendritic", "CHARLM_DENDRITES": "2", "PRUNING_METHOD": "none", **TEXT},
]


@pytest.mark.parametrize("changes", OTHERS, ids=lambda c: next(iter(c)))
def test_whatever_the_trial_it_goes_on_exactly(changes: dict[str, str], tmp_path: Path) -> None:
    whole = worker_entry.train_trial(snapshot_task(tmp_path / "whole", **changes))
    assert whole.status is Status.PASSED
    cut = snapshot_task(tmp_path / "cut", **changes)
    killed_after(len(whole.history), cut)
    result = worker_entry.train_trial(cut)
    assert numbers(result) == numbers(whole)
    assert result.provenance.resumed == {"epoch": len(whole.history) - 1}


def test_a_damaged_snapshot_is_noticed_and_the_one_before_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = snapshot_task(tmp_path)
    killed_after(3, cut)
    path = tmp_path / snapshot_manager.FOLDER / "epoch_00002.pt"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    result = worker_entry.train_trial(cut)
    assert result.provenance.resumed == {"epoch": 1}
    assert "epoch_00002.pt: damaged: its checksum" in capsys.readouterr().out
    snapshot_files.load(path).read()  # it has been taken anew


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("epoch_00002.pt", Path.unlink),
        ("epoch_00002.json", Path.unlink),
        ("epoch_00002.json", lambda path: path.write_text('{"format": "es', encoding="utf-8")),
    ],
)
def test_half_a_snapshot_is_none(name: str, damage: Callable[[Path], Any], tmp_path: Path) -> None:
    cut = snapshot_task(tmp_path)
    killed_after(3, cut)
    damage(tmp_path / snapshot_manager.FOLDER / name)
    assert worker_entry.train_trial(cut).provenance.resumed == {"epoch": 1}


@pytest.mark.parametrize("name", ["sources", "data_fingerprint", "versions", "config"])
def test_a_snapshot_of_other_code_or_data_is_not_gone_on_from(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = snapshot_task(tmp_path)
    killed_after(2, cut)
    path = tmp_path / snapshot_manager.FOLDER / "epoch_00001.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    about["made"][name] = {"SEED": "another"} if name == "config" else "another"
    snapshot_files.write_manifest(path, about)
    result = worker_entry.train_trial(cut)
    assert result.provenance.resumed is None
    assert [record["epoch"] for record in result.history] == [1, 2, 3]
    assert f"made with other {name.replace('_', ' ')}" in capsys.readouterr().out


def test_a_compressed_one_is_smaller_and_gone_on_from_exactly(tmp_path: Path) -> None:
    sparse = {"PRUNING_METHOD": "static", "SPARSE_DENSITY": "0.1", "OPTIMIZER": "adam"}
    whole = worker_entry.train_trial(snapshot_task(tmp_path / "whole", **sparse))
    cut = snapshot_task(tmp_path / "cut", {"SNAPSHOT_COMPRESS": "y"}, **sparse)
    killed_after(3, cut)
    plain, small = (
        snapshot_files.load(tmp_path / folder / snapshot_manager.FOLDER / "epoch_00002.pt")
        for folder in ("whole", "cut")
    )
    assert (plain.manifest["stored"]["as"], small.manifest["stored"]["as"]) == (
        "whole",
        "compressed",
    )
    assert small.manifest["bytes"] < 0.3 * plain.manifest["bytes"]
    assert small.manifest["bytes"] == small.file.stat().st_size
    tensors = [torch.load(each.file)["position"]["tensors"] for each in (plain, small)]
    assert list(tensors[0]) == list(tensors[1])
    assert all(torch.equal(a, b) for a, b in zip(*(t.values() for t in tensors), strict=True))
    result = worker_entry.train_trial(cut)
    assert result.provenance.resumed == {"epoch": 2}
    assert numbers(result) == numbers(whole)


def test_it_tells_what_it_is(tmp_path: Path) -> None:
    worker_entry.train_trial(snapshot_task(tmp_path))
    about = snapshot_files.load(tmp_path / snapshot_manager.FOLDER / "epoch_00002.pt").manifest
    assert (about["epoch"], about["step"], about["reason"]) == (2, 30, EPOCH)
    assert about["made"]["config"]["SEED"] == "1"
    assert len(about["made"]["data_fingerprint"]) == 16
    assert list(about["tensors"].values())[0] == [128, 64]
    assert about["val_loss"] > 0


def shot(epoch: int, loss: float, reason: str = EPOCH, sparsity: float = 0.0) -> Snapshot:
    about = {"epoch": epoch, "val_loss": loss, "reason": reason, "sparsity": sparsity}
    return Snapshot(Path(f"{epoch}.json"), about)


TAKEN = [shot(1, 0.4), shot(2, 0.3, EVENT), shot(3, 0.5), shot(4, 0.6, EVENT), shot(5, 0.7)]


@pytest.mark.parametrize(
    ("keep", "best", "stay"),
    [
        (1, False, {4, 5}),
        (2, False, {2, 3, 4, 5}),
        (1, True, {2, 4, 5}),
        (0, False, {1, 2, 3, 4, 5}),
    ],
)
def test_the_last_of_each_kind_and_the_best_are_kept(keep: int, best: bool, stay: set[int]) -> None:
    kept = SnapshotPlan(1, True, keep, best).select_kept(TAKEN)
    assert kept == {Path(f"{epoch}.json") for epoch in stay}


@pytest.mark.parametrize(
    ("losses_and_sparsities", "stay"),
    [
        pytest.param([(0.1, 0.0), (0.3, 0.5), (0.4, 0.5)], {2, 3}, id="pruned"),
        pytest.param([(0.9, 0.95), (0.3, 0.9), (0.2, 0.8), (0.4, 0.8)], {3, 4}, id="grown"),
    ],
)
def test_the_best_is_one_of_those_that_are_sparse_enough(
    losses_and_sparsities: list[tuple[float, float]], stay: set[int]
) -> None:
    pairs = enumerate(losses_and_sparsities, 1)
    taken = [shot(n, loss, sparsity=sparsity) for n, (loss, sparsity) in pairs]
    kept = SnapshotPlan(1, True, 1, True).select_kept(taken)
    assert kept == {Path(f"{epoch}.json") for epoch in stay}


def test_only_those_are_left_that_are_to_be_kept(tmp_path: Path) -> None:
    worker_entry.train_trial(snapshot_task(tmp_path, {"SNAPSHOT_KEEP": "1"}, NUM_EPOCHS="5"))
    assert names(tmp_path) == ["epoch_00004.json", "epoch_00004.pt"]


def test_snapshots_come_when_their_time_has_come(tmp_path: Path) -> None:
    worker_entry.train_trial(snapshot_task(tmp_path, {"SNAPSHOT_EVERY": "2"}, NUM_EPOCHS="5"))
    assert [name for name in names(tmp_path) if name.endswith("json")] == [
        "epoch_00002.json",
        "epoch_00004.json",
    ]


def test_changes_of_structure_bring_one(tmp_path: Path) -> None:
    events = {"SNAPSHOT_EVERY": "0", "SNAPSHOT_EVENTS": "y"}
    growth = {"PRUNING_METHOD": "apoptosis_growth", "APOPTOSIS_GROWTH_INTERVAL": "25"}
    growth |= {"APOPTOSIS_GROWTH_RATE": "0.1", "APOPTOSIS_MATURITY": "10", "NUM_EPOCHS": "6"}
    result = worker_entry.train_trial(snapshot_task(tmp_path, events, **growth))
    assert result.status is Status.PASSED, result.message
    snapshots = [
        snapshot_files.load(path)
        for path in snapshot_files.list_snapshots(tmp_path / snapshot_manager.FOLDER)
    ]
    assert {snapshot.manifest["reason"] for snapshot in snapshots} == {EVENT}
    # events at 25, 50 and 75 of 15 an epoch
    assert [snapshot.epoch for snapshot in snapshots] == [2, 4, 5]
    assert result.measures["events"] >= 3


def test_none_is_taken_without_a_wish(tmp_path: Path) -> None:
    worker_entry.train_trial(snapshot_task(tmp_path, {"SNAPSHOT_EVERY": "0"}))
    assert not (tmp_path / snapshot_manager.FOLDER).exists()


def test_reading_one_runs_no_code(tmp_path: Path) -> None:
    path = tmp_path / "epoch_00001.pt"
    torch.save({"position": os.system}, path)
    about = {"format": snapshot_files.FORMAT, "sha256": snapshot_files.digest(path.read_bytes())}
    about |= {"epoch": 1, "reason": "epoch", "made": {}}
    snapshot_files.write_manifest(path.with_suffix(".json"), about)
    with pytest.raises(UserError, match="not plain data"):
        snapshot_files.load(path).read()


def test_what_is_no_snapshot_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"epoch_9\.json: No such file"):
        snapshot_files.load(tmp_path / "epoch_9.pt")
    (tmp_path / "epoch_1.json").write_text('{"format": "another"}', encoding="utf-8")
    with pytest.raises(UserError, match="'another': this version reads 'espalier snapshot 1'; use"):
        snapshot_files.load(tmp_path / "epoch_1.json")


def test_a_delta_snapshot_of_an_older_version_says_what_to_do(tmp_path: Path) -> None:
    made = {"code": {"commit": "7917cfc0"}}
    about = {"format": "espalier snapshot 2", "stored": {"as": "delta", "base": "x"}, "made": made}
    snapshot_files.write_manifest(tmp_path / "epoch_00002.json", about)
    with pytest.raises(UserError) as caught:
        snapshot_files.load(tmp_path / "epoch_00002.pt")
    assert str(caught.value).partition(": ")[2] == (
        "a delta snapshot of an older version: it holds differences from another snapshot, which "
        "this version does not read; check out 7917cfc0, or train the trial again"
    )


def test_another_network_is_refused() -> None:
    wishes = {"OPTIMIZER": "adamw", "PRUNING_METHOD": "none"}
    values = packing.varied(wishes, 0, NUM_EPOCHS="3")
    first = packing.trainer(values, packing.mlp)
    next(iter(Loop([first]).epochs()))
    other = packing.trainer(values, lambda: packing.mlp(13), packing.split(4))
    with pytest.raises(
        RunStateMismatch, match=r"float64 \[13, 16\] here and float64 \[12, 16\] there"
    ):
        restore(other, capture(first))


def test_runs_of_a_pack_go_on_exactly_too() -> None:
    wishes = {"OPTIMIZER": "adamw", "PRUNING_METHOD": "set", "NUM_EPOCHS": "4"}
    values = [packing.varied(wishes, k) for k in range(3)]
    whole, halves, rest = (
        [packing.trainer(each, packing.dropping) for each in values] for _ in range(3)
    )
    packing.train(whole)
    for number, _ in enumerate(Loop(halves).epochs(), 1):
        if number == 6:  # two epochs of three runs
            break
    for first, second in zip(halves, rest, strict=True):
        restore(second, capture(first))
    packing.train(rest)
    for first, second in zip(whole, rest, strict=True):
        pairs = zip(first.run.model.parameters(), second.run.model.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


SCRIPT = """
import json, sys
from espalier.core import revision
from espalier.train import worker_entry
from espalier.core.trial import Task, Trial
from pathlib import Path
revision.sources = lambda *_: sys.argv[2]  # whoever edits a file meanwhile does not matter here
trial, settings, folder = json.loads(sys.argv[1])
result = worker_entry.train_trial(Task.single(Trial.from_json(trial), settings, Path(folder)))
print(json.dumps(result.as_json()))
"""


def test_another_process_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    whole = worker_entry.train_trial(snapshot_task(tmp_path / "whole"))
    cut = snapshot_task(tmp_path / "cut")
    killed_after(2, cut)
    arguments = json.dumps([cut.trial.as_json(), dict(cut.settings), str(cut.directory)])
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT, arguments, revision.sources()],
        capture_output=True,
        text=True,
        check=True,
    )
    result = Result.from_json(json.loads(done.stdout.splitlines()[-1]))
    assert result.provenance.resumed == {"epoch": 1}
    assert numbers(result) == numbers(whole)


def test_trials_at_different_epochs_are_no_pack(tmp_path: Path) -> None:
    tasks = [snapshot_task(tmp_path / str(seed), SEED=str(seed)) for seed in (1, 2)]
    alone: list[Any] = [numbers(worker_entry.train_trial(small_task(SEED="1")))]
    killed_after(2, tasks[0])
    results = dict(worker_entry.train_pack(tasks))
    assert [results[i].provenance.pack.size for i in (0, 1)] == [1, 1]
    assert numbers(results[0]) == alone[0]
