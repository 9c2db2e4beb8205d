"""Tables of text: plain, or drawn by rich where a terminal shows them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from espalier.core.process import terminal

Rows = Sequence[Sequence[str]]
"""The first row is the heading."""


def plain_table(rows: Rows) -> str:
    """Return `rows` in columns two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def print_table(rows: Rows) -> None:
    """Print `rows`, with rules and in the width of the screen if it is a terminal."""
    if sys.stdout.isatty():
        _print_rich(rows)
    else:
        print(plain_table(rows))


def _print_rich(rows: Rows) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    heading, *rest = rows
    table = Table(*heading)
    for row in rest:
        table.add_row(*(escape(terminal.printable(cell)) for cell in row))
    Console(file=terminal.drawing_file()).print(table)
