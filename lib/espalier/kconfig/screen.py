"""menuconfig, where the terminal can show it; elsewhere one line that says what can be done."""

from __future__ import annotations

import os
import sys

import kconfiglib

from espalier.core.errors import UserError

INSTEAD = "use `make config`, `make <name>_defconfig`, or edit .config and `make olddefconfig`"
MOST_EMULATED = "xterm-256color"


def run(kconf: kconfiglib.Kconfig) -> None:
    """Open the menus on `kconf`, which `check_terminal` has found possible."""
    import menuconfig  # imports curses, which may not be there

    menuconfig.menuconfig(kconf)


def check_terminal() -> None:
    """Raises UserError if there is no terminal to show menus on."""
    if not (os.isatty(0) and os.isatty(1)):
        raise UserError(f"menuconfig: input and output must be a terminal; {INSTEAD}")
    try:
        import curses
    except ImportError:
        raise UserError(
            f"menuconfig: {sys.executable} was built without curses; {INSTEAD}"
        ) from None
    asked = os.environ.get("TERM", "")
    known = _set_up(asked) or _set_up(MOST_EMULATED)
    if not known or not curses.tigetstr("cup"):  # "cup" moves the cursor
        raise UserError(f"menuconfig: cannot draw on the terminal TERM={asked!r}; {INSTEAD}")


def _set_up(terminal: str) -> bool:
    """Whether this system can drive `terminal`; if so, curses will."""
    import curses

    try:
        curses.setupterm(terminal)
    except curses.error:
        return False
    os.environ["TERM"] = terminal
    return True
