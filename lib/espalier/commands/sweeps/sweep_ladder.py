"""`sweep-ladder`: find the value of a swept number at which a measure falls off."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.analysis.dose_response import ladders
from espalier.analysis.rank import rank
from espalier.commands.options.option_types import PATH, measure, sweep_dir
from espalier.core.paths import RESULTS
from espalier.report import dose_response_report
from espalier.report.reports import ranking_measure, trial_results
from espalier.store.results_dir import STORE, newest_sweep
from espalier.store.store import Store


@click.command()
@click.option(
    "--symbol", help="swept number, such as SPARSE_DENSITY  [default: the one with the most values]"
)
@sweep_dir
@measure
@click.option(
    "--plot", type=PATH, help=f"picture file  [default: the sweep's {dose_response_report.PICTURE}]"
)
def command(symbol: str | None, folder: Path | None, by: str | None, plot: Path | None) -> int:
    """Find the value of a swept number at which a measure falls off.

    Fits a curve to each ladder of a finished sweep, and writes sweep_ladder.json and
    sweep_ladder.png into its folder.
    """
    folder = folder or newest_sweep(RESULTS)
    with Store.open(folder / STORE, readonly=True) as store:
        trials = trial_results(store)
        by = ranking_measure(store, trials, by)
    fitted = ladders(rank(trials, by), symbol.removeprefix("CONFIG_") if symbol else None)
    for ladder in fitted:
        print(dose_response_report.render_ladder(ladder))
    for path in dose_response_report.write(fitted, folder, plot):
        print(path)
    return 0
