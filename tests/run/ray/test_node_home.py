"""A task goes to a node and its files come back, as if it had been trained at home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from espalier.core.trees import own_trees
from espalier.core.trial import Action, Task, Trial
from espalier.run.ray.courier import Courier
from espalier.run.ray.node_files import FolderChanges
from espalier.run.ray.node_home import NodeHome

DEADLINE = 20.0  # seconds that a healthy machine never needs
DYING = """
import os, signal, tempfile
from espalier.run.ray.node_home import NodeHome
home = NodeHome({}, None)
print(home.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def objects() -> list[Any]:
    return []


@pytest.fixture
def courier(objects: list[Any]) -> Courier:
    def put(item: Any) -> int:
        objects.append(item)
        return len(objects) - 1

    return Courier(put)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objects: list[Any]) -> Iterator[NodeHome]:
    given = tmp_path / "given"
    (given / "trees" / "0").mkdir(parents=True)
    monkeypatch.chdir(given)
    for name in (own_trees.VARIABLE, own_trees.KNOBS):
        monkeypatch.setenv(name, "")
    made = NodeHome(
        {"/driver/tree": "trees/0", "/driver/programs": "programs"}, objects.__getitem__
    )
    yield made
    made.close()


def task(results: Path, count: int = 1, **config: str) -> Task:
    trials = [
        Trial(n, f"config_{n:03}", f"id{n}", {"SEED": "1", **config}) for n in range(1, count + 1)
    ]
    directories = [results / trial.name for trial in trials]
    for directory in directories:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "config.txt").write_text("CONFIG_SEED=1\n")
    settings = {"DATA_DIR": str(results / "data"), "SCRIPT_FOLDER": "/driver/programs"}
    return Task(tuple(trials), settings, tuple(directories), (1,) * count)


def test_what_a_trial_leaves_comes_back(tmp_path: Path, courier: Courier, home: NodeHome) -> None:
    wish = task(tmp_path / "results")
    here = home.enter(courier.outward(wish))
    assert (here.directory / "config.txt").read_text() == "CONFIG_SEED=1\n"
    assert here.directory.name == wish.directory.name and here.directory != wish.directory
    here.log.write_text("epoch 1\n")
    (here.directory / "model.pt").write_bytes(b"weights")
    (here.directory / "snapshots").mkdir()
    (here.directory / "snapshots" / "e1.pt").write_bytes(b"1")
    courier.bring_back(wish, 1, home.changes(1, ended=False))
    left = sorted(path.name for path in wish.directory.rglob("*") if path.is_file())
    assert left == ["config.txt", "e1.pt", "output.log"]
    assert home.changes(1, ended=False) == FolderChanges()
    (here.directory / "snapshots" / "e1.pt").unlink()
    (here.directory / "snapshots" / "e2.pt").write_bytes(b"2")
    courier.bring_back(wish, 1, home.changes(1, ended=True))
    left = sorted(path.name for path in wish.directory.rglob("*") if path.is_file())
    assert left == ["config.txt", "e2.pt", "model.pt", "output.log"]
    assert wish.log.read_text() == "epoch 1\n"
    home.leave()
    assert not here.directory.exists()


def test_the_next_attempt_goes_on_from_what_came_back(
    tmp_path: Path, courier: Courier, home: NodeHome
) -> None:
    wish = task(tmp_path / "results")
    (wish.directory / "snapshots").mkdir()
    (wish.directory / "snapshots" / "e3.pt").write_bytes(b"3")
    wish.log.write_text("first\n")
    here = home.enter(courier.outward(wish))
    assert (here.directory / "snapshots" / "e3.pt").read_bytes() == b"3"
    here.log.write_text("second\n")
    changes = home.changes(1, ended=True)
    assert changes == FolderChanges(log=b"second\n")
    courier.bring_back(wish, 1, changes)
    assert wish.log.read_text() == "first\nsecond\n"


def test_paths_are_this_nodes_inside_and_the_drivers_outside(
    tmp_path: Path, courier: Courier, home: NodeHome
) -> None:
    weights = tmp_path / 'w "1".pt'
    weights.write_bytes(b"weights")
    wish = task(tmp_path / "results", 2, INIT_FROM=str(weights), DATASET="digits")
    parcel = courier.outward(wish)
    content = weights.read_bytes()
    weights.unlink()  # the node has no such file
    here = home.enter(parcel)
    start = here.trials[1].config["INIT_FROM"]
    assert Path(start).read_bytes() == content and start != str(weights)
    assert here.settings["SCRIPT_FOLDER"] == str(Path.cwd() / "programs")
    said = json.dumps({"at": f"{here.directories[1]}/x", "config": start, **here.settings}).encode()
    assert json.loads(home.homeward(said)) == {
        "at": f"{wish.directories[1]}/x",
        "config": str(weights),
        **wish.settings,
    }


def test_a_task_that_trains_nothing_gets_no_files(
    tmp_path: Path, courier: Courier, home: NodeHome
) -> None:
    wish = replace(task(tmp_path / "results"), action=Action.PREFLIGHT)
    here = home.enter(courier.outward(wish))
    assert list(here.directory.iterdir()) == []
    here.log.write_text("checked\n")
    courier.bring_back(wish, 1, home.changes(1, ended=True))
    assert wish.log.read_text() == "checked\n"


def test_the_trees_of_the_driver_are_those_of_the_node(home: NodeHome) -> None:
    assert own_trees.named() == (Path.cwd() / "trees" / "0",)
    assert own_trees.knobs() is None


def test_a_node_process_that_is_killed_leaves_no_folder(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", DYING], env=environ, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL
    folder, end = Path(done.stdout.strip()), time.monotonic() + DEADLINE
    assert folder.parent == tmp_path
    while folder.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
