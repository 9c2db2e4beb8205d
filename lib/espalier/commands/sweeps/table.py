"""`table`: the ranking of a sweep as a table of LaTeX, Markdown or CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from espalier.analysis.rank import Ranking
from espalier.commands.options.option_types import (
    PATH,
    POSITIVE,
    OneOf,
    best_per,
    make_option,
    measure,
    sweep_dir,
)
from espalier.core.atomic_write import atomic_write
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.core.process import disk_full
from espalier.report.comparing.opened_sweeps import open_sweep
from espalier.report.tables.table_texts import FORMATS, best_per_text, ranking_text
from espalier.store.results_dir import newest_sweep


@click.command()
@make_option(
    "FORMAT",
    "--format",
    "form",
    type=OneOf(FORMATS),
    default="markdown",
    help="of LaTeX it is a table of booktabs, of CSV all measures, not rounded",
)
@sweep_dir
@measure
@best_per
@click.option("--top", type=POSITIVE, help="rows to show  [default: all]")
@make_option("OUT", "--out", type=PATH, help="file to write  [default: the terminal]")
def command(form: str, folder: Path | None, by: str | None, out: Path | None, **chosen: Any) -> int:
    """Write the ranking of a sweep as a table, with intervals and n.

    The best is bold only if all others are behind it, at the error rate of the whole table. With
    BEST_PER there is a row for each value of a symbol, and a column for each of a second one.
    """
    if out is not None and not out.parent.is_dir():
        raise UserError(f"OUT={out}: {out.parent} is no folder; make it, or write elsewhere")
    if out is not None and out.is_dir():
        raise UserError(f"OUT={out}: is a folder; OUT must name a file")
    ranking = open_sweep(folder or newest_sweep(RESULTS), by).ranking
    text = _text(ranking, form, **chosen)
    if out is None:
        print(text, end="")
        return 0
    with disk_full.reported(out.parent):
        atomic_write(out, text)
    print(f"Wrote {out}")
    return 0


def _text(ranking: Ranking, form: str, top: int | None, best_per: str | None) -> str:
    if best_per:
        return best_per_text(ranking, form, best_per)
    return ranking_text(ranking, form, top)
