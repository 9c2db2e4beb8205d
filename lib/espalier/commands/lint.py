"""`lint`: the part of `make lint` that compilers cannot do."""

from __future__ import annotations

import sys

import click

from espalier.core.paths import ROOT
from espalier.kconfig import lint_report


@click.command()
def command() -> int:
    """Check the Kconfig tree against itself and the code.

    Prints a line for each finding; the exit code is 1 if there is one.
    """
    lines = lint_report.findings(ROOT)
    for line in lines:
        print(line, file=sys.stderr)
    print(f"Kconfig lint: {len(lines)} finding{'s' * (len(lines) != 1)}")
    return 1 if lines else 0
