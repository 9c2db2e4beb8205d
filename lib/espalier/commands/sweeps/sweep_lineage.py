"""`sweep-lineage`: draw which neurons descend from which, from the tables of trials."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from espalier.commands.options.option_types import OneOf, sweep_dir
from espalier.core.paths import RESULTS
from espalier.report.figures.figure_files import FORMATS, USUAL_FORMAT
from espalier.report.figures.figure_input import FigureWishes, figure_input
from espalier.report.figures.figure_kinds import lay_out, write_figure
from espalier.report.figures.figure_style import STYLES, USUAL
from espalier.report.figures.kinds.lineage_figure import draw_table
from espalier.report.lineage_tables import lineage_tables
from espalier.store.results_dir import newest_sweep


@click.command()
@click.argument(
    "trials",
    nargs=-1,
    metavar="[TRIAL]...",
    help="trials, such as config_003  [default: all with a lineage.csv]",
)
@sweep_dir
@click.option(
    "--format", "suffix", type=OneOf(FORMATS), default=USUAL_FORMAT, help="format of the pictures"
)
def command(trials: Sequence[str], folder: Path | None, suffix: str) -> int:
    """Draw which neurons descend from which, a picture in the folder of each trial."""
    source = figure_input(folder or newest_sweep(RESULTS), None, FigureWishes())
    style = STYLES[USUAL]
    for table in lineage_tables(source.folder, trials):
        picture = table.path.with_suffix(f".{suffix}")
        drawn = lay_out(partial(draw_table, table, source, style), style)
        print(write_figure(drawn, picture, style, "--format"))
    return 0
