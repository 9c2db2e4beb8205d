"""What people call: make in a checkout, the program `espalier` where the package is installed.

The program takes the names of make's targets, and variables as make does.
"""

from __future__ import annotations

from espalier.core.paths import INSTALLED

MAKE = "espalier" if INSTALLED else "make"
"""What stands before a target, in texts that say what to call."""
