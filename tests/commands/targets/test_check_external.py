"""What `check-external` runs, and what it says where there is nothing to run.

That a tree passes or fails it is a test of the wheel and of docs/own-tree.md.
"""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import pytest

from espalier.__main__ import main
from espalier.commands.targets import check_external
from espalier.core.paths import ROOT
from espalier.core.trees import own_trees


@pytest.fixture(autouse=True)
def _no_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own_trees.VARIABLE, "")


@pytest.fixture
def pytest_run(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that would have been run; each ends with the code 5."""
    lines: list[list[str]] = []

    def run(words: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        lines.append(words)
        return subprocess.CompletedProcess(words, check_external.NOTHING_RAN)

    monkeypatch.setattr(check_external.subprocess, "run", run)
    monkeypatch.setattr(check_external.lint, "print_findings", lambda: 0)
    return lines


def test_it_runs_the_contracts_and_the_tests_of_the_trees(
    tmp_path: Path, pytest_run: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a b" / "tests").mkdir(parents=True)
    (tmp_path / "two").mkdir()
    trees = f"{tmp_path}/a b:{tmp_path}/two"
    assert main(["check-external", "--external", trees]) == 2
    assert capsys.readouterr().err == f"error: EXTERNAL={trees}: has no component and no test\n"
    (words,) = pytest_run
    assert words[words.index("--external") + 1] == trees
    assert words[-1] == f"{tmp_path}/a b/tests"
    assert words[words.index(trees) + 1 : -1] == [
        str(ROOT / name) for name in check_external.contracts()
    ]


def test_the_contracts_are_files_that_are_there() -> None:
    assert all((ROOT / name).is_file() for name in check_external.contracts())


def test_it_needs_a_tree_and_pytest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-external"]) == 2
    rule = "error: EXTERNAL names no tree; for example: make check-external EXTERNAL=../my-tree\n"
    assert capsys.readouterr().err == rule
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["check-external", "--external", str(tmp_path)]) == 2
    rule = "error: pytest is not installed; make setup-dev installs it\n"
    assert capsys.readouterr().err == rule
