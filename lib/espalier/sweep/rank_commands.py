"""`sweep-leaderboard`: the best configurations so far, while a sweep runs or after it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from espalier.errors import UserError
from espalier.paths import RESULTS
from espalier.sweep.analysis import counts, method, nothing
from espalier.sweep.curves import write_curves
from espalier.sweep.delta_plots import write_deltas
from espalier.sweep.measures import MEASURES
from espalier.sweep.parameter_plots import write_parameters
from espalier.sweep.plots import write_plot
from espalier.sweep.rank import Ranking, rank
from espalier.sweep.report import ranking_measure, refused, trial_results
from espalier.sweep.results_dir import STORE, sweeps
from espalier.sweep.rows import by_target, cells
from espalier.sweep.store import Store


def leaderboard(argv: Sequence[str]) -> int:
    """Print the ranking of a sweep; 0 unless the arguments are wrong."""
    args = _arguments(argv)
    folder = args.dir or newest(RESULTS)
    with Store.open(folder / STORE, readonly=True) as store:
        found, by = trial_results(store), ranking_measure(store, args.by)
        left_out, plain = refused(store), store.header.get("controls", {})
    ranking = rank(found, by)
    print("\n".join([str(folder), *counts(found, left_out), *method(ranking)]))
    if ranking.best is None:
        print(nothing(ranking))
    elif sys.stdout.isatty():
        _rich_table(ranking, args.top)
    else:
        print(plain_table(cells(ranking, args.top)))
    if targets := by_target(ranking):
        print("\n" + "\n".join(targets).rstrip())
    if args.plot:
        write_plot(ranking, args.plot)
    if args.curves:
        write_curves(ranking, args.curves, args.top)
    if args.parameters:
        write_parameters(ranking, args.parameters)
    if args.deltas:
        write_deltas(ranking, plain, args.deltas)
    return 0


def newest(results: Path) -> Path:
    """The folder of the sweep that began last. Raises UserError if there is none."""
    for folder in sweeps(results):
        return folder
    raise UserError(f"{results}: no sweep has been run yet; start one with `make sweep`")


def plain_table(rows: Sequence[Sequence[str]]) -> str:
    """`rows`, the first being the heading, in columns two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def _rich_table(ranking: Ranking, top: int) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    heading, *rows = cells(ranking, top)
    table = Table(*heading)
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sweep-leaderboard", description=__doc__)
    parser.add_argument("--dir", type=Path, help="folder of the sweep (default: the newest)")
    parser.add_argument("--top", type=_positive, default=10, help="rows to show (default: 10)")
    parser.add_argument("--by", choices=list(MEASURES), help="measure (default: the sweep's)")
    parser.add_argument("--plot", type=Path, help="also draw the swept symbols, to this .png")
    parser.add_argument("--curves", type=Path, help="also draw --top learning curves, to this .png")
    about = "also draw the measure against live parameters, to this .png"
    parser.add_argument("--parameters", type=Path, help=about)
    about = "also draw mean differences to controls, to this .png"
    parser.add_argument("--deltas", type=Path, help=about)
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: must be an integer of at least 1")
    return int(text)
