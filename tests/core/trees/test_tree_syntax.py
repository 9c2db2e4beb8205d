"""What is no Python is one line, before anything imports it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.core.trees import own_trees
from espalier.core.trees.tree_syntax import check_syntax


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The module of a family of methods in a tree that is used."""
    file = tmp_path / "methods" / "own" / "late_schedule.py"
    file.parent.mkdir(parents=True)
    monkeypatch.setenv(own_trees.VARIABLE, str(tmp_path))
    check_syntax.cache_clear()
    yield file
    check_syntax.cache_clear()


def test_python_passes(path: Path) -> None:
    path.write_text("LATE = 1\n", encoding="utf-8")
    check_syntax()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"x = 1\ndef (\n", ":2: invalid syntax; correct the Python file"),
        (b"x = 1\nfrom __future__ import annotations\n", ":2: from __future__ imports must "),
        (b"x = 1\n\xff = 2\n", ":2: byte 0xff is not UTF-8"),
    ],
)
def test_what_is_none_is_refused_with_its_line(path: Path, text: bytes, rule: str) -> None:
    path.write_bytes(text)
    with pytest.raises(UserError) as caught:
        check_syntax()
    assert str(caught.value).startswith(f"{path}{rule}")
