"""`sweep-ladder`: find the value of a swept number at which a measure falls off."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.analysis.dose_response import ladders
from espalier.commands.options.option_types import PATH, measure, sweep_dir
from espalier.core.paths import RESULTS
from espalier.report import dose_response_report
from espalier.report.dose_response_report import PICTURE
from espalier.report.figures.figure_input import FigureWishes, figure_input
from espalier.report.figures.figure_kinds import KINDS, write_figure
from espalier.report.figures.figure_style import STYLES, USUAL
from espalier.store.results_dir import newest_sweep


@click.command()
@click.option(
    "--symbol", help="swept number, such as SPARSE_DENSITY  [default: the one with the most values]"
)
@sweep_dir
@measure
@click.option("--plot", type=PATH, help=f"picture file  [default: the sweep's {PICTURE}]")
def command(symbol: str | None, folder: Path | None, by: str | None, plot: Path | None) -> int:
    """Find the value of a swept number at which a measure falls off.

    Fits a curve to each ladder of a finished sweep, and writes sweep_ladder.json and
    sweep_ladder.png into its folder.
    """
    symbol = symbol.removeprefix("CONFIG_") if symbol else None
    source = figure_input(folder or newest_sweep(RESULTS), by, FigureWishes(x=symbol))
    fitted = ladders(source.opened.ranking, symbol)
    for ladder in fitted:
        print(dose_response_report.render_ladder(ladder))
    print(dose_response_report.write(fitted, source.folder))
    style = STYLES[USUAL]
    drawn = KINDS["ladder"].draw(source, style)
    print(write_figure(drawn, plot or source.folder / PICTURE, style, "--plot"))
    return 0
