"""What people call: make in a checkout, the program `espalier` where the package is installed.

The program takes the names of make's targets, and variables as make does.
"""

from __future__ import annotations

from espalier.core.paths import INSTALLED

MAKE = "espalier" if INSTALLED else "make"
"""What stands before a target, in texts that say what to call."""

EXECUTABLE = MAKE if INSTALLED else ".venv/bin/python -m espalier"
"""What stands before a verb with options, which make would not hand on."""


def how_to_install(stage: str) -> str:
    """Return the command that installs the packages of a stage: train or trackers."""
    return f"pip install 'espalier[{stage}]'" if INSTALLED else f"make setup-{stage}"
