"""The program `espalier` of an installed package: `python -m espalier` by another name."""

from __future__ import annotations

import runpy


def start() -> None:
    """Run the verb of the command line; the process ends with its exit code."""
    runpy.run_module("espalier", run_name="__main__")
