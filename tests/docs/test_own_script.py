"""docs/own-script.md is run: its files are written and its sweeps done, each once refused."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from espalier.core.paths import ROOT
from espalier.core.trial import Result, Status
from espalier.store.results_dir import STORE
from espalier.store.store import Store

PAGE = (ROOT / "docs" / "own-script.md").read_text(encoding="utf-8")
FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = [shlex.split(line) for line in re.findall(r"^make sweep .*$", PAGE, re.MULTILINE)]
ENTRY = re.findall(r"^PYTHONPATH=. .venv/bin/python -m espalier (.*)$", PAGE, re.MULTILINE)
EXAMPLES = [words[2].partition("/")[2] for words in COMMANDS if "=examples/" in words[2]]
CNN = "digits-cnn-range"
SHORT = {  # what takes seconds to start is run once
    CNN: "SET=SEED=1 LEARNING_RATE=1 NUM_EPOCHS=2",
    "loaders-range": "SET=SEED=1 LEARNING_RATE=0.1",
    "forest-range": "SET=SEED=1 TREES=10 CRITERION=gini",
}


def espalier(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": "."}
    env |= {"XDG_CONFIG_HOME": str(folder / "settings")}
    command = [sys.executable, "-P", "-m", "espalier", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def sweep(folder: Path, words: Sequence[str]) -> list[Result]:
    """Do a sweep of the page, which is refused once, and return what came of its trials."""
    ranges = [word.removeprefix("RANGE_CONFIG=") for word in words]
    refused = espalier(folder, "sweep", *ranges)
    assert refused.returncode == 2
    (allowed,) = re.findall(r"ALLOW=[0-9a-f]{12}", refused.stderr)
    done = espalier(folder, "sweep", *ranges, allowed)
    assert done.returncode == 0, done.stdout + done.stderr
    return recorded(folder)


def recorded(folder: Path) -> list[Result]:
    (path,) = (folder / "test_matrix_results").glob(f"*/{STORE}")
    with Store.open(path, readonly=True) as store:
        return [result for _, result, _ in store.final_results()]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the files of the page."""
    for name, text in FILE.findall(PAGE):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_first_sweep_is_refused_once_or_given_on_the_command_line(place: Path) -> None:
    first, given = (words for words in COMMANDS if words[2] == "RANGE_CONFIG=my-range")
    results = sweep(place, first[2:])
    assert [result.status for result in results] == [Status.PASSED] * 12
    assert results[0].measures["epochs"] == 5
    shutil.rmtree(place / "settings")
    done = espalier(place, "sweep", "my-range", *given[3:])
    assert done.returncode == 0, done.stderr
    assert "finished already" in done.stdout


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != CNN])
def test_a_program_that_needs_no_change(tmp_path: Path, name: str) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    if name == "anneal-range":
        if not shutil.which("cc"):
            pytest.skip("no C compiler")
        command = next(line for line in PAGE.splitlines() if line.startswith("cc "))
        subprocess.run(shlex.split(command), cwd=tmp_path, check=True)
    results = sweep(tmp_path, [f"examples/{name}", *([SHORT[name]] if name in SHORT else [])])
    assert [result.status for result in results] == [Status.PASSED] * len(results)
    assert all(result.history for result in results)


def test_the_measures_of_the_pytorch_example_are_those_of_its_lines(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (result,) = sweep(tmp_path, [f"examples/{CNN}", SHORT[CNN]])
    assert [record["epoch"] for record in result.history] == [1, 2]
    assert {"train_loss", "val_loss", "val_acc"} <= result.history[0].keys()
    (log,) = (tmp_path / "test_matrix_results").glob("*/*/output.log")
    said = re.findall(r"Accuracy: (\d+)/(\d+)", log.read_text(encoding="utf-8"))
    shares = [100 * int(hits) / int(total) for hits, total in said]
    assert [record["val_acc"] for record in result.history] == pytest.approx(shares)


def test_the_entry_of_the_page_is_swept(place: Path) -> None:
    done = espalier(place, *shlex.split(ENTRY[0]))
    assert done.returncode == 0, done.stdout + done.stderr
    results = recorded(place)
    assert [result.status for result in results] == [Status.PASSED] * 6
    assert results[0].measures["val_loss"] == pytest.approx((2 * 0.8**5) ** 2)


def test_the_page_names_every_example() -> None:
    files = {path.name for path in (ROOT / "examples").iterdir()}
    named = set(re.findall(r"^\| `(\S+)` \| .* \| `(\S+)` \|$", PAGE, re.MULTILINE))
    assert {name for pair in named for name in pair} == files
    assert sorted(EXAMPLES) == sorted(name for name in files if name.endswith("-range"))
    pattern = (ROOT / "examples" / CNN).read_text(encoding="utf-8").splitlines()[4]
    assert f"    {pattern}\n" in PAGE
