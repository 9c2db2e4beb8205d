"""`sweep-leaderboard`: print the best configurations of a sweep, while it runs or after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from espalier.analysis.rank import Ranking, rank
from espalier.commands.options.option_types import (
    PATH,
    POSITIVE,
    baseline,
    best_per,
    measure,
    sweep_dir,
)
from espalier.core.paths import RESULTS
from espalier.report.delta_plots import write_deltas
from espalier.report.failure_rows import name_trials
from espalier.report.learning_curves import write_curves
from espalier.report.parameter_plots import write_parameters
from espalier.report.pareto_report import render_pareto
from espalier.report.ranking_rows import best_per_target, ranking_table
from espalier.report.reports import (
    ReportRequest,
    ranking_measure,
    trial_results,
    write_files,
)
from espalier.report.sweep_analysis import counts, method, nothing, numberless
from espalier.report.sweep_plots import write_plot
from espalier.report.table_format import print_table
from espalier.store.results_dir import STORE, newest_sweep
from espalier.store.store import Store


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
@click.option("--deltas", type=PATH, help="also draw mean differences to controls, to this .png")
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
    with Store.open(folder / STORE, readonly=True) as store:
        trials = trial_results(store)
        by = ranking_measure(store, trials, by)
        left_out, controls = store.header.refused, store.header.controls
        raced = store.header.race is not None
    ranking = rank(trials, by, raced)
    parts = ReportRequest(by, baseline, best_per).parts(ranking)
    print("\n".join([str(folder), *counts(trials, left_out), *method(ranking)]))
    _print_ranking(ranking, top)
    for text, files in parts:
        print("\n" + text.rstrip())
        write_files(folder, files)
    writers: dict[str, Callable[[Path], None]] = {
        "plot": lambda path: write_plot(ranking, path),
        "curves": lambda path: write_curves(ranking, path, top),
        "parameters": lambda path: write_parameters(ranking, path),
        "deltas": lambda path: write_deltas(ranking, controls, path),
    }
    for name, write in writers.items():
        if path := pictures[name]:
            write(path)
    return 0


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
