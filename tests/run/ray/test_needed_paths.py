"""A node reads data where it has them, and else what the object store has."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from script_trials import script_task, with_command

from espalier.core.trial import Task, Trial
from espalier.run.ray import needed_paths
from espalier.run.ray.needed_paths import NamedPath, NeededFiles, NeededPaths

ALL = ["tinyshakespeare.txt", "MNIST/raw/train", "cifar-10-batches-py/x", "own/a/1.png"]


class Objects(list[Any]):
    """Stands for the object store: a reference is the place of an object."""

    def put(self, item: Any) -> int:
        self.append(item)
        return len(self) - 1

    def get(self, reference: int) -> Any:
        return self[reference]


def task(folder: Path, **config: str) -> Task:
    trial = Trial(1, "config_001", "id", config)
    return Task.single(trial, {"DATA_DIR": str(folder / "data")}, folder / "trial")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in (
        "MNIST/raw/train",
        "MNIST/raw/.lock",
        "cifar-10-batches-py/x",
        "own/a/1.png",
        "tinyshakespeare.txt",
    ):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "w.pt").write_bytes(b"weights")
    return tmp_path / "data"


def needed(task: Task, objects: Objects) -> dict[NamedPath, NeededFiles]:
    return {path: objects.get(ref) for path, ref in NeededPaths(objects.put).of(task).items()}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"DATASET": "digits"}, []),
        ({"DATASET": "mnist"}, ["MNIST/raw/train"]),
        ({"DATASET": "cifar10"}, ["cifar-10-batches-py/x"]),
        ({"DATASET": "fashion_mnist"}, []),
        ({"DATASET": "folder", "FOLDER_PATH": "own"}, ["own/a/1.png"]),
        ({"DATASET": "text", "TEXT_CORPUS": "prose"}, []),
        ({"DATASET": "text", "TEXT_CORPUS": "shakespeare"}, ["tinyshakespeare.txt"]),
        ({"DATASET": "text", "TEXT_CORPUS": "file", "TEXT_FILE": "own/a/1.png"}, ["own/a/1.png"]),
        ({"DATASET": "own_set"}, ALL),
    ],
)
def test_a_data_set_needs_its_own_files(
    data: Path, config: dict[str, str], expected: list[str]
) -> None:
    paths = needed(task(data.parent, **config), Objects())
    assert [name for files in paths.values() for name in files.files] == expected
    assert all(path.symbol == "DATA_DIR" for path in paths)


def test_files_are_put_once_and_those_elsewhere_are_named_by_their_value(data: Path) -> None:
    objects, start = Objects(), str(data.parent / "w.pt")
    both = NeededPaths(objects.put)
    wish = task(data.parent, DATASET="npz", NPZ_FILE=start, INIT_FROM=start)
    paths = both.of(wish)
    assert [(p.text, p.symbol) for p in paths] == [(start, "INIT_FROM"), (start, "")]
    count = len(objects)
    assert both.of(replace(wish, attempts=(2,))) == paths and len(objects) == count


def test_a_node_that_has_the_same_files_reads_those(data: Path, tmp_path: Path) -> None:
    objects = Objects()
    (files,) = needed(task(data.parent, DATASET="mnist"), objects).values()
    assert files.resolve(tmp_path / "cache", objects.get) == data
    assert not (tmp_path / "cache").exists()


def test_a_node_that_lacks_them_or_has_others_gets_them(data: Path, tmp_path: Path) -> None:
    objects = Objects()
    (files,) = needed(task(data.parent, DATASET="mnist"), objects).values()
    (data / "MNIST" / "raw" / "train").write_bytes(b"another")
    place = files.resolve(tmp_path / "cache", objects.get)
    assert place.name == "data" and (place / "MNIST/raw/train").read_bytes() == b"MNIST/raw/train"
    assert files.resolve(tmp_path / "cache", {}.__getitem__) == place  # nothing is fetched twice


def test_what_is_too_large_must_be_there(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needed_paths, "LARGEST", 14)  # the file has 15 bytes
    objects = Objects()
    (files,) = needed(task(data.parent, DATASET="mnist"), objects).values()
    digest = hashlib.sha256(b"MNIST/raw/train").hexdigest()
    assert files.files == {"MNIST/raw/train": (digest, None)}
    (data / "MNIST" / "raw" / "train").unlink()
    assert files.resolve(data / "cache", objects.get) == data  # whose absence the trial reports


def test_files_of_a_command_outside_of_its_folder_are_needed(tmp_path: Path) -> None:
    (tmp_path / "programs").mkdir()
    (tmp_path / "extra.txt").write_text("extra")
    wish = script_task(tmp_path / "programs", "true")
    assert needed(wish, Objects()) == {}
    extra = str(tmp_path / "extra.txt")
    (path,) = needed(with_command(wish, f"sh program.sh {extra}"), Objects())
    assert path == NamedPath(extra, "", extra)
