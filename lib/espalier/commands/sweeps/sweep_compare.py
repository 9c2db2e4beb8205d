"""`sweep-compare`: two sweeps side by side, paired by configuration and seed."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.commands.options.option_types import PATH, alpha, as_json, make_option, measure
from espalier.core.errors import UserError
from espalier.report.comparing.opened_sweeps import open_sweep
from espalier.report.comparing.sweep_comparison import comparison_json, render_comparison
from espalier.report.comparing.sweep_questions import compare_sweeps


@click.command()
@make_option("A", "--a", "first", type=PATH, help="folder of a sweep")
@make_option("B", "--b", "second", type=PATH, help="folder of the sweep that it is compared with")
@alpha
@measure
@as_json
def command(
    first: Path | None, second: Path | None, alpha: float, by: str | None, json: bool
) -> int:
    """Compare two sweeps, configuration by configuration and seed by seed.

    What differs in code, data, versions and settings is said first.
    """
    if first is None or second is None:
        raise UserError("sweep-compare: give two folders of sweeps, as A=<folder> B=<folder>")
    sweeps = (open_sweep(first, by), open_sweep(second, by))
    compared = compare_sweeps(*sweeps, alpha)
    print((comparison_json if json else render_comparison)(compared, sweeps), end="")
    return 0
