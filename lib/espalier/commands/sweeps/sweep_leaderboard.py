"""`sweep-leaderboard`: print the best configurations of a sweep, while it runs or after it."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.analysis.rank import Ranking
from espalier.commands.options.option_types import (
    PATH,
    POSITIVE,
    baseline,
    best_per,
    measure,
    sweep_dir,
)
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.report.comparing.opened_sweeps import open_sweep
from espalier.report.failure_rows import name_trials
from espalier.report.figures.figure_input import (
    FigureInput,
    FigureWishes,
    NothingToDrawError,
)
from espalier.report.figures.figure_kinds import KINDS, write_figure
from espalier.report.figures.figure_style import STYLES, USUAL
from espalier.report.pareto_report import render_pareto
from espalier.report.ranking_rows import best_per_target, ranking_table
from espalier.report.report_request import ReportRequest
from espalier.report.reports import write_files
from espalier.report.sweep_analysis import counts, method, nothing, numberless
from espalier.report.table_format import print_table
from espalier.store.results_dir import newest_sweep

PICTURES = {
    "plot": "effects",
    "curves": "curves",
    "parameters": "size-front",
    "deltas": "forest",
}
"""The kind of figure of each option."""


@click.command()
@sweep_dir
@click.option("--top", type=POSITIVE, default=10, help="rows to show")
@measure
@baseline
@best_per
@click.option("--plot", type=PATH, help="also draw the swept symbols, to this .png")
@click.option("--curves", type=PATH, help="also draw --top learning curves, to this .png")
@click.option(
    "--parameters", type=PATH, help="also draw the measure against live parameters, to this .png"
)
@click.option(
    "--deltas", type=PATH, help="also draw differences to controls or the best, to this .png"
)
def command(
    folder: Path | None,
    top: int,
    by: str | None,
    baseline: str | None,
    best_per: str | None,
    **pictures: Path | None,
) -> int:
    """Print the best configurations of a sweep, while it runs or after it.

    What BASELINE and BEST_PER ask for is also written, as JSON, into its folder.
    """
    folder = folder or newest_sweep(RESULTS)
    opened = open_sweep(folder, by)
    ranking = opened.ranking
    parts = ReportRequest(opened.by, baseline, best_per).parts(ranking)
    head = [*counts(opened.results, opened.header.refused), *method(ranking)]
    print("\n".join([str(folder), *head]))
    _print_ranking(ranking, top)
    for text, files in parts:
        print("\n" + text.rstrip())
        write_files(folder, files)
    source = FigureInput(folder, opened, FigureWishes(top=top))
    for option, path in pictures.items():
        if path:
            _draw(source, option, path)
    return 0


def _draw(source: FigureInput, option: str, path: Path) -> None:
    """Write the picture of an option. Raises UserError that begins with it."""
    style = STYLES[USUAL]
    try:
        drawn = KINDS[PICTURES[option]].draw(source, style)
    except NothingToDrawError as error:
        raise UserError(f"--{option} {path}: {error}") from None
    write_figure(drawn, path, style, f"--{option}")


def _print_ranking(ranking: Ranking, top: int) -> None:
    if ranking.best is None:
        print(nothing(ranking))
    else:
        print_table(ranking_table(ranking, top))
    if lost := numberless(ranking):
        print(f"Passed without a finite {ranking.measure.label}, not ranked: {name_trials(lost)}")
    if targets := best_per_target(ranking):
        print("\n" + "\n".join(targets).rstrip())
    if len(ranking.measures) > 1:
        print("\n" + render_pareto(ranking).rstrip())
