"""Open menuconfig, or say in one line why this terminal cannot show it and what to do instead."""

from __future__ import annotations

import os
import sys

import kconfiglib

from espalier.core.errors import UserError
from espalier.core.texts.program_name import MAKE

INSTEAD = (
    f"use `{MAKE} config`, `{MAKE} <name>_defconfig`, or edit .config and `{MAKE} olddefconfig`"
)
MOST_EMULATED = "xterm-256color"


def run(kconf: kconfiglib.Kconfig) -> None:
    """Open the menus on `kconf`; call `check_terminal` first."""
    import menuconfig  # imports curses, which may not be there

    menuconfig.menuconfig(kconf)


def check_terminal() -> None:
    """Raise UserError if there is no terminal to show menus on."""
    if not (os.isatty(0) and os.isatty(1)):
        raise UserError(f"menuconfig: input and output must be a terminal; {INSTEAD}")
    try:
        import curses
    except ImportError:
        raise UserError(
            f"menuconfig: {sys.executable} was built without curses; {INSTEAD}"
        ) from None
    terminal = os.environ.get("TERM", "")
    is_set_up = _set_up(terminal) or _set_up(MOST_EMULATED)
    if not is_set_up or not curses.tigetstr("cup"):  # "cup" moves the cursor
        raise UserError(f"menuconfig: cannot draw on the terminal TERM={terminal!r}; {INSTEAD}")


def _set_up(terminal: str) -> bool:
    """Make curses drive `terminal`; return whether this system can."""
    import curses

    try:
        curses.setupterm(terminal)
    except curses.error:
        return False
    os.environ["TERM"] = terminal
    return True
