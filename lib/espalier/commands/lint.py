"""`lint`: check the Kconfig tree, the part of `make lint` that no other linter can do."""

from __future__ import annotations

import sys

import click

from espalier.core.paths import ROOT
from espalier.core.texts.count_text import count_text
from espalier.kconfig.lint import lint_report


@click.command()
def command() -> int:
    """Check the Kconfig tree, by itself and against the code.

    Prints a line for each finding. The exit code is 1 if there is one.
    """
    return 1 if print_findings() else 0


def print_findings() -> int:
    """Print what the lint finds, and return how many findings there are."""
    lines = lint_report.findings(ROOT)
    for line in lines:
        print(line, file=sys.stderr)
    print(f"Kconfig lint: {count_text(len(lines), 'finding')}")
    return len(lines)
