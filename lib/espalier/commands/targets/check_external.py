"""`check-external`: lint the trees outside, and run the contract tests and their own for them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import click

from espalier.commands import lint
from espalier.core.errors import UserError
from espalier.core.paths import INSTALLED, ROOT
from espalier.core.texts.program_name import MAKE, how_to_install
from espalier.core.trees import own_trees
from espalier.core.trees.own_trees import VARIABLE
from espalier.core.trees.tree_layout import TESTS

PYTEST = "pytest"
NOTHING_RAN = 5
"""The exit code of pytest where no test was about the trees."""


@click.command()
def command() -> int:
    """Check the trees that EXTERNAL names: lint, contracts, and the tests in their tests/.

    The contract tests are those that every component of ours passes; of them those are run that are
    about a component or a symbol of the trees. The exit code is 1 if something is wrong.
    """
    trees = own_trees.external()
    if not trees:
        example = f"{MAKE} check-external {VARIABLE}=../my-tree"
        raise UserError(f"{VARIABLE} names no tree; for example: {example}")
    if importlib.util.find_spec(PYTEST) is None:
        installs = how_to_install("check" if INSTALLED else "dev")
        raise UserError(f"{PYTEST} is not installed; {installs} installs it")
    faulty = lint.print_findings()
    sys.stdout.flush()
    code = _run_tests(trees)
    if code == NOTHING_RAN:
        raise UserError(f"{VARIABLE}={_joined(trees)}: has no component and no test")
    return int(bool(faulty or code))


def _run_tests(trees: tuple[Path, ...]) -> int:
    """Return the exit code of pytest. Nothing is written into the harness or the trees."""
    own = [folder for tree in trees if (folder := tree / TESTS).is_dir()]
    files = [*(ROOT / name for name in contracts()), *own]
    config = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "no:cacheprovider"]
    with tempfile.TemporaryDirectory() as storage:
        own_settings = {"OMP_NUM_THREADS": "1", "HYPOTHESIS_STORAGE_DIRECTORY": storage}
        command = [sys.executable, "-B", "-P", "-m", PYTEST, *config]
        command += ["--external", _joined(trees), *map(str, files)]
        return subprocess.run(command, env={**os.environ, **own_settings}, check=False).returncode


def contracts() -> list[str]:
    """Return the files of the contract tests, from the folder of pyproject.toml on."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names: list[str] = settings["tool"]["espalier"]["contracts"]
    return names


def _joined(trees: tuple[Path, ...]) -> str:
    return ":".join(map(str, trees))
