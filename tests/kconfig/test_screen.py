"""menuconfig on terminals that can and cannot show it, through a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

import pytest

ESPALIER = [sys.executable, "-m", "espalier", "config", "menuconfig"]
WITHOUT_CURSES = (
    "import sys; sys.modules['_curses'] = None; sys.argv[1:] = ['config', 'menuconfig'];"
    "import espalier.__main__ as main; sys.exit(main.main())"
)


def in_terminal(command: list[str], folder: Path, term: str, keys: bytes = b"") -> tuple[int, str]:
    """Run `command` on a new terminal, pressing `keys` once it has drawn something."""
    process, screen = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execvpe(
            command[0], command, {**os.environ, "TERM": term, "COLUMNS": "80", "LINES": "24"}
        )
    shown = b""
    while chunk := _read(screen):
        if keys and not shown:
            os.write(screen, keys)
        shown += chunk
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), shown.decode(errors="replace")


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError:  # how Linux ends a terminal whose process is gone
        return b""


@pytest.mark.parametrize("term", ["xterm", "xterm-ghostty-of-tomorrow"])
def test_the_menus_open_also_on_an_unknown_terminal(tmp_path, term):
    code, shown = in_terminal(ESPALIER, tmp_path, term, keys=b"qy")
    assert code == 0
    assert "Espalier" in shown
    assert (tmp_path / ".config").is_file()


def test_a_terminal_without_a_movable_cursor_is_one_line(tmp_path):
    code, shown = in_terminal(ESPALIER, tmp_path, "dumb")
    assert code == 2
    assert shown.startswith("error: menuconfig: cannot draw on the terminal TERM='dumb'; use `make")
    assert shown.count("\n") == 1


def test_a_python_without_curses_is_one_line(tmp_path):
    code, shown = in_terminal([sys.executable, "-c", WITHOUT_CURSES], tmp_path, "xterm")
    assert code == 2
    assert "was built without curses; use `make config`" in shown
    assert shown.count("\n") == 1
