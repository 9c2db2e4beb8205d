"""`sweep-lineage`: pictures of who descends from whom, from the tables that trials left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from espalier.apoptosis.lineage import Lineage
from espalier.apoptosis.lineage_plot import plot_lineage
from espalier.commands.options import one_of, sweep_dir
from espalier.paths import RESULTS
from espalier.sweep.lineage_tables import lineage_tables
from espalier.sweep.plots import save
from espalier.sweep.results_dir import newest

FORMATS = ("png", "svg", "pdf")


@click.command()
@click.argument(
    "trials",
    nargs=-1,
    metavar="[TRIAL]...",
    help="such as config_003  [default: all that left a lineage.csv]",
)
@sweep_dir
@click.option(
    "--format", "suffix", type=one_of(FORMATS), default=FORMATS[0], help="of the pictures"
)
def command(trials: Sequence[str], folder: Path | None, suffix: str) -> int:
    """Draw the lineages of trials, each into its own folder."""
    for table, steps in lineage_tables(folder or newest(RESULTS), trials):
        picture = table.with_suffix(f".{suffix}")
        lineage = Lineage.read(table)
        last = max([steps, *(event.step for event in lineage.events)])
        save(plot_lineage(lineage, last), picture, "--format")
        print(picture)
    return 0
