"""`sweep-compare`: two sweeps side by side, paired by configuration and seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from espalier.analysis.comparing.sweep_pairs import PairedSweeps, pair_sweeps
from espalier.analysis.rank import rank
from espalier.commands.options.option_types import PATH, alpha, as_json, make_option, measure
from espalier.core.errors import UserError
from espalier.report.comparing.opened_sweeps import OpenedSweep, common_measure, open_sweep
from espalier.report.comparing.sweep_comparison import comparison_json, render_comparison


@click.command()
@make_option("A", "--a", "first", type=PATH, help="folder of a sweep")
@make_option("B", "--b", "second", type=PATH, help="folder of the sweep that it is compared with")
@alpha
@measure
@as_json
def command(first: Path | None, second: Path | None, json: bool, **options: Any) -> int:
    """Compare two sweeps, configuration by configuration and seed by seed.

    What differs in code, data, versions and settings is said first.
    """
    compared, sweeps = compare(first, second, **options)
    print((comparison_json if json else render_comparison)(compared, sweeps), end="")
    return 0


def compare(
    first: Path | None, second: Path | None, alpha: float, by: str | None
) -> tuple[PairedSweeps, list[OpenedSweep]]:
    """Return two sweeps side by side. Raises UserError if a folder is missing or has no sweep."""
    if first is None or second is None:
        raise UserError("sweep-compare: give two folders of sweeps, as A=<folder> B=<folder>")
    if first.resolve() == second.resolve():
        raise UserError(f"A={first} and B={second}: are the same folder; give two")
    sweeps = [open_sweep(folder, by) for folder in (first, second)]
    rankings = [rank(sweep.results, common_measure(sweeps)) for sweep in sweeps]
    own, others = ((*ranking.ranked, *ranking.unranked) for ranking in rankings)
    return pair_sweeps(own, others, rankings[0].measure, alpha), sweeps
