"""`diffconfig`: compare two configurations."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.commands.config import print_differences
from espalier.commands.options.option_types import PATH, make_option
from espalier.kconfig import dotconfig


@click.command()
@make_option("FROM", "--from", "before", type=PATH, help="the old one  [default: .config.old]")
@make_option("TO", "--to", "after", type=PATH, help="the new one  [default: .config]")
def command(before: Path | None, after: Path | None) -> int:
    """Compare two configurations, a line for each symbol that differs."""
    new = dotconfig.path()
    return print_differences(before or Path(f"{new}.old"), after or new)
