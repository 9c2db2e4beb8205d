"""A node needs no checkout: what it is given runs, and knows which revision it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from espalier.core import revision
from espalier.core.trees import own_trees
from espalier.run.entries import LIBRARY
from espalier.run.ray.runtime_env import staged
from espalier.scripts import shipped_code

PROGRAM = """
import sys
from pathlib import Path
from parts.own import double
from espalier.scripts import shipped_code
def train(config, log): return double(4)
code, _ = shipped_code.pack(train, "train")
shipped_code.write(Path(sys.argv[1]), code)
"""


@pytest.fixture(autouse=True)
def trees(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (own_trees.VARIABLE, own_trees.KNOBS):
        monkeypatch.setenv(name, "")


def run_on_node(package: Path, home: Path, code: str, **environ: str) -> str:
    """Run code as a node would: with the package that it was given, below its own folder."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=home,
        env={**os.environ, **environ, "PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_package_is_whole_and_carries_its_revision() -> None:
    with staged({}, LIBRARY) as shipment:
        (package,) = map(Path, shipment.runtime_env["py_modules"])
        home = Path(shipment.runtime_env["working_dir"])
        code = (
            "import json; from espalier.core import paths, revision, component\n"
            "names = [component.names('model'), component.names('method')]\n"
            "print(json.dumps([str(paths.LIBRARY), revision.code().as_json(), names]))"
        )
        library, carried, names = json.loads(run_on_node(package, home, code))
    assert library == str(package) and carried == revision.code().as_json()
    assert "mlp" in names[0] and "rigl" in names[1]
    assert not package.exists() and not home.exists()


def test_a_changed_copy_is_not_taken_for_the_revision() -> None:
    with staged({}, LIBRARY) as shipment:
        (package,) = map(Path, shipment.runtime_env["py_modules"])
        (package / "models" / "mlp.py").write_text("# another\n")
        code = "from espalier.core import revision; print(revision.code().commit)"
        assert run_on_node(package, package.parent, code) == ""


def test_programs_trees_and_knobs_have_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("programs/train.py", "tree/Kconfig", "knobs/Kconfig", "programs/.git/HEAD"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.setenv(own_trees.VARIABLE, str(tmp_path / "tree"))
    monkeypatch.setenv(own_trees.KNOBS, str(tmp_path / "knobs"))
    programs = {"TRAINER": "script", "SCRIPT_FOLDER": str(tmp_path / "programs")}
    with staged(programs, LIBRARY) as shipment:
        home = Path(shipment.runtime_env["working_dir"])
        given = sorted(path.relative_to(home).as_posix() for path in home.rglob("*.*"))
        menus = sorted(path.parent.name for path in home.rglob("Kconfig"))
    assert shipment.places == {
        str(tmp_path / "tree"): "trees/0",
        str(tmp_path / "knobs"): "knobs",
        str(tmp_path / "programs"): "programs",
    }
    assert (given, menus) == (["programs/train.py"], ["0", "knobs"])


def test_a_function_finds_its_modules_on_a_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, tree = tmp_path / "own", tmp_path / "tree"
    (own / "parts").mkdir(parents=True)
    tree.mkdir()
    (tree / "Kconfig").write_text("")
    (own / "parts" / "own.py").write_text("def double(x): return 2 * x\n")
    (own / "program.py").write_text(PROGRAM)
    file = tree / f"train_function{shipped_code.SUFFIX}"
    subprocess.run([sys.executable, str(own / "program.py"), str(file)], check=True)
    monkeypatch.setenv(own_trees.VARIABLE, str(tree))
    with staged({}, LIBRARY) as shipment:
        (own / "parts" / "own.py").unlink()
        (package,) = map(Path, shipment.runtime_env["py_modules"])
        home = Path(shipment.runtime_env["working_dir"])
        code = (
            "from espalier.scripts.train_function import read_function\n"
            "print(read_function()({}, None))"
        )
        assert run_on_node(package, home, code, EXTERNAL=str(home / "trees" / "0")) == "8"


def test_the_module_of_an_entry_of_ones_own_travels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_entry.py").write_text("def train(task, emit): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with staged({}, "own_entry:train") as shipment:
        home = Path(shipment.runtime_env["working_dir"])
        assert shipment.places == {str(tmp_path): "entry"}
        assert (home / "entry" / "own_entry.py").is_file()
    with staged({}, "json:loads") as shipment:  # Python's own
        assert shipment.places == {}
