"""Whether the Python files of trees outside are Python, before anything imports them."""

from __future__ import annotations

import functools
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.text_files import read_user_text
from espalier.core.trees.own_trees import external
from espalier.core.trees.tree_layout import ROOMS


@functools.cache
def check_syntax() -> None:
    """Raise UserError, with file and line, if a component or a module beside it is no Python."""
    for tree in external():
        for room in ROOMS.values():
            for path in sorted((tree / room).rglob("*.py")):
                _check_file(path)


def _check_file(path: Path) -> None:
    try:
        compile(read_user_text(path), str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: {error.msg}; correct the Python file") from None
