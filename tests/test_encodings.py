"""Every text file is opened as UTF-8; a locale decides nothing. (ruff misses untyped paths.)"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from espalier.core.paths import ROOT

FOLDERS = ("lib", "models", "scripts", "benchmarks")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def encoding_left_open(tree: ast.AST) -> Iterator[int]:
    """Yield the lines where text is read or written in the encoding of the locale."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        values = {keyword.arg: keyword.value for keyword in call.keywords}
        if "encoding" not in values and (
            name == "read_text"
            and not call.args
            or name == "write_text"
            and len(call.args) == 1
            or name == "open"
            and any(is_text_mode(mode) for mode in [*call.args[:1], values.get("mode")])
            or is_true(values.get("text"))
        ):
            yield call.lineno


def is_true(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def is_text_mode(mode: ast.expr | None) -> bool:
    return isinstance(mode, ast.Constant) and mode.value in ("r", "w", "a", "x", "r+", "w+", "a+")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_text_is_opened_as_utf_8(path: Path) -> None:
    assert list(encoding_left_open(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "code", ["p.read_text()", "p.write_text(t)", "p.open('w')", "run(c, text=True)"]
)
def test_the_check_sees(code: str) -> None:
    assert list(encoding_left_open(ast.parse(code))) == [1]
