"""docs/own-model.md is run: its programs end with a ranking, and its files are a sweep."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from espalier.core.paths import ROOT
from espalier.report.frames.loaded_sweep import load_sweep
from espalier.search.sweep_call import sweep

PAGE = (ROOT / "docs" / "own-model.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"^`(\w+\.py)`:\n\n```python\n(.*?)^```$", PAGE, re.M | re.DOTALL))


def run(folder: Path, *words: str, **given: str) -> str:
    """Run Python in a folder; return what it prints."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache"), **given}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "swept", "trials"),
    [
        ("perceptron.py", ["CONFIG_PERCEPTRON_WIDTH", "CONFIG_PRUNING_METHOD"], 12),
        ("linear.py", ["CONFIG_ALPHA", "CONFIG_PENALTY"], 30),
    ],
)
def test_a_program_of_the_page_ends_with_its_ranking(
    tmp_path: Path, name: str, swept: list[str], trials: int
) -> None:
    """Its class or function is in `__main__`, and its trials run in worker processes."""
    (tmp_path / name).write_text(PROGRAMS[name], encoding="utf-8")
    printed = run(tmp_path, "-P", name)
    assert f"{trials} trials: {trials} passed" in printed
    (folder,) = (tmp_path / "test_matrix_results").glob("sweep_*")
    ranking = load_sweep(folder).ranking()
    assert [column for column in ranking if column.startswith("CONFIG_")] == swept
    assert ranking["mean"].iloc[0] > 90
    again = run(tmp_path, "-P", name)
    assert "finished already" in again and len(list(folder.parent.glob("sweep_*"))) == 1


def test_the_files_of_the_page_are_a_model(tmp_path: Path) -> None:
    commands = re.findall(r"^(?:mkdir|make) (.*)$", PAGE, re.MULTILINE)
    assert [words.split()[0] for words in commands] == ["../my-tree", "new", "sweep"]
    place, tree = tmp_path / "checkout", tmp_path / "my-tree"
    place.mkdir()
    tree.mkdir()
    run(place, "-P", "-m", "espalier", "new", "KIND=model", "NAME=mine", EXTERNAL="../my-tree")
    (place / "my-range").write_text("CONFIG_MODEL=mine\nCONFIG_PRUNING_METHOD=none\n")
    planned = run(place, "-P", "-m", "espalier", "sweep-generate", "my-range", EXTERNAL=str(tree))
    assert "Wrote 1 configurations" in planned


def test_the_table_has_every_argument() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)(?:=\w+)?`", row)]
    assert named == [*inspect.signature(sweep).parameters]
