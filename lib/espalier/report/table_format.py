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


def print_table(rows: Rows, blocks: Rows | None = None) -> None:
    """Print `rows`, with rules and in the width of the screen if it is a terminal.

    There `blocks` stand in their place, if given: the same with fewer columns, and with cells of
    several lines.
    """
    if sys.stdout.isatty():
        _print_rich(blocks or rows, blocks is not None)
    else:
        print(plain_table(rows))


def _print_rich(rows: Rows, ruled: bool) -> None:
    """Draw the table, with a rule between rows if it is `ruled`; what is too long is folded."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    heading, *rest = rows
    table = Table(*(Column(name, overflow="fold") for name in heading), show_lines=ruled)
    for row in rest:
        table.add_row(*(escape(terminal.printable_lines(cell)) for cell in row))
    Console(file=terminal.drawing_file()).print(table)
