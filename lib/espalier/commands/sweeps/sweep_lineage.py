"""`sweep-lineage`: draw which neurons descend from which, from the tables of trials."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from espalier.commands.options.option_types import one_of, sweep_dir
from espalier.core.paths import RESULTS
from espalier.methods.apoptosis.neurons.lineage import Lineage
from espalier.report.figures.figure_files import save
from espalier.report.lineage_plot import plot_lineage
from espalier.report.lineage_tables import lineage_tables
from espalier.store.results_dir import newest_sweep

FORMATS = ("png", "svg", "pdf")


@click.command()
@click.argument(
    "trials",
    nargs=-1,
    metavar="[TRIAL]...",
    help="trials, such as config_003  [default: all with a lineage.csv]",
)
@sweep_dir
@click.option(
    "--format", "suffix", type=one_of(FORMATS), default=FORMATS[0], help="format of the pictures"
)
def command(trials: Sequence[str], folder: Path | None, suffix: str) -> int:
    """Draw which neurons descend from which, a picture in the folder of each trial."""
    for table, steps in lineage_tables(folder or newest_sweep(RESULTS), trials):
        picture = table.with_suffix(f".{suffix}")
        lineage = Lineage.read(table)
        last = max([steps, *(event.step for event in lineage.events)])
        save(plot_lineage(lineage, last), picture, "--format")
        print(picture)
    return 0
