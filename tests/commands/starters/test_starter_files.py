"""What `make new` writes works as it is: the lint, the contracts' form, and its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from espalier.commands.starters.starter_files import starter_files
from espalier.core import component
from espalier.core.errors import UserError
from espalier.core.paths import LIBRARY, ROOT
from espalier.core.trees.tree_layout import ROOMS


def python(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "EXTERNAL": str(tree), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-P", *words], cwd=tree, env=env, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree outside, in a folder with a space, that was begun with one component of each kind."""
    top = tmp_path_factory.mktemp("an own tree")
    for kind in component.ALL_KINDS:
        done = python(top, "-m", "espalier", "new", "--kind", kind, "--name", f"my_{kind}")
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("Wrote ") == 3
    return top


def test_the_tests_that_are_written_pass(tree: Path) -> None:
    done = python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout


def test_the_lint_has_nothing_to_say(tree: Path) -> None:
    done = python(tree, "-m", "espalier", "lint")
    assert (done.returncode, done.stdout) == (0, "Kconfig lint: 0 findings\n"), done.stderr


def test_what_is_written_is_in_the_style_of_the_harness(tree: Path) -> None:
    config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    done = python(tree, "-m", "ruff", "check", *config, "--ignore=I001", *ROOMS.values())
    assert done.returncode == 0, done.stdout
    done = python(tree, "-m", "ruff", "format", "--check", *config, ".")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Foo", "must begin with"),
        ("9a", "must begin with"),
        ("a-b", "must begin with"),
        ("a" * 61, "must have 60 letters at most"),
        ("class", "is a word of Python itself"),
        ("mlp", "there is a model so called"),
        ("residual", ".*models/residual.py is called so"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(name: str, rule: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"NAME={name}: {rule}"):
        starter_files("model", name, tmp_path)


def test_a_method_is_not_called_as_a_family_is(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="NAME=rewiring: .*methods/rewiring is called so"):
        starter_files("method", "rewiring", tmp_path)


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_mine.py").touch()
    with pytest.raises(UserError, match=r"test_mine\.py: is there already"):
        starter_files("model", "mine", tmp_path)


def test_without_a_tree_the_files_lie_in_the_harness() -> None:
    paths = [*starter_files("method", "mine", None)]
    methods = LIBRARY / "methods"
    tests = ROOT / "tests" / "methods"
    expected = [methods / "mine.py", methods / "mine.Kconfig", tests / "test_mine.py"]
    assert paths == expected
