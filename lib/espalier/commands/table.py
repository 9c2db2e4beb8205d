"""`table`: the ranking of a sweep as a table of LaTeX, Markdown or CSV."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.commands.options.option_types import (
    PATH,
    POSITIVE,
    make_option,
    measure,
    one_of,
    sweep_dir,
)
from espalier.core.atomic_write import atomic_write
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.core.process import disk_full
from espalier.report.comparing.opened_sweeps import open_sweep
from espalier.report.tables.table_texts import FORMATS
from espalier.store.results_dir import newest_sweep


@click.command()
@make_option(
    "FORMAT",
    "--format",
    "form",
    type=one_of(list(FORMATS)),
    default="markdown",
    help="of LaTeX it is a table of booktabs, of CSV all measures, not rounded",
)
@sweep_dir
@measure
@click.option("--top", type=POSITIVE, help="rows to show  [default: all]")
@make_option("OUT", "--out", type=PATH, help="file to write  [default: the terminal]")
def command(
    form: str, folder: Path | None, by: str | None, top: int | None, out: Path | None
) -> int:
    """Write the ranking of a sweep as a table, with intervals and n.

    The best is bold only if all others are behind it, at the error rate of the whole table.
    """
    if out is not None and not out.parent.is_dir():
        raise UserError(f"OUT={out}: {out.parent} is no folder; make it, or write elsewhere")
    ranking = open_sweep(folder or newest_sweep(RESULTS), by).ranking
    text = FORMATS[form](ranking, top)
    if out is None:
        print(text, end="")
        return 0
    with disk_full.reported(out.parent):
        atomic_write(out, text)
    print(f"Wrote {out}")
    return 0
