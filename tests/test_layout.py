"""Where tests lie: beside the module that they are of, and none imports another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from espalier.core.paths import ROOT

TESTS = ROOT / "tests"
MODULES = sorted(TESTS.rglob("*.py"))
# What the tests of a folder are of, where that is no room of the library
SOURCES = {"benchmarks": "benchmarks", "command_lines": "scripts", "docs": "docs"}


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_module_is_imported(path: Path) -> None:
    others = [name for name in imported(path) if name.split(".")[-1].startswith("test_")]
    assert [name for name in others if not name.startswith("espalier.")] == []
    assert "conftest" not in imported(path)


def stems(folder: Path) -> set[str]:
    """Return the names that a test of the folder may have: its modules, pages and its own."""
    return {path.stem.replace("-", "_") for path in folder.iterdir()} | {folder.name}


def is_of(stem: str, names: set[str]) -> bool:
    """Return whether a test is of one of `names`, an aspect of it, or of every component."""
    return stem.startswith("every_") or any(f"{stem}_".startswith(f"{name}_") for name in names)


def test_tests_mirror_what_they_are_of() -> None:
    for path in TESTS.glob("*/**/test_*.py"):
        folder = path.parent.relative_to(TESTS)
        source = ROOT / SOURCES.get(str(folder), f"lib/espalier/{folder}")
        assert source.is_dir(), path
        assert is_of(path.stem.removeprefix("test_"), stems(source)), path


def test_helpers_are_no_tests() -> None:
    assert not list((TESTS / "support").rglob("test_*.py"))
    texts = (path.read_text(encoding="utf-8") for path in (TESTS / "support").glob("*.py"))
    assert not any(text.startswith("def test_") or "\ndef test_" in text for text in texts)
