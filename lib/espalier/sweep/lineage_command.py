"""`sweep-lineage`: pictures of who descends from whom, from the tables that trials left."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from espalier.apoptosis.lineage import TABLE, Lineage
from espalier.apoptosis.lineage_plot import plot_lineage
from espalier.errors import UserError
from espalier.paths import RESULTS
from espalier.sweep.plots import save
from espalier.sweep.rank_commands import newest
from espalier.sweep.results_dir import STORE
from espalier.sweep.store import Store
from espalier.trial import Result, Trial

FORMATS = ("png", "svg", "pdf")


def lineage(argv: Sequence[str]) -> int:
    """Draw the lineages of trials, each into its own folder; 0 unless the arguments are wrong."""
    parser = argparse.ArgumentParser(prog="sweep-lineage", description=lineage.__doc__)
    told = "such as config_003 (default: all that left a lineage.csv)"
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=told)
    parser.add_argument("--dir", type=Path, help="folder of the sweep (default: the newest)")
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help="of the pictures")
    args = parser.parse_args(argv)
    for table, steps in _tables(args.dir or newest(RESULTS), args.trials):
        path = table.with_suffix(f".{args.format}")
        found = Lineage.read(table)
        last = max([steps, *(event.step for event in found.events)])
        save(plot_lineage(found, last), path, "--format")
        print(path)
    return 0


def _tables(folder: Path, names: Sequence[str]) -> Iterator[tuple[Path, int]]:
    """The tables of the trials called `names`, of all without any, and the steps trained."""
    with Store.open(folder / STORE, readonly=True) as store:
        trials, directories = store.final_results(), store.directories()
    known = {trial.name: (trial, result) for trial, result, _ in trials}
    if wrong := [name for name in names if name not in known]:
        some = ", ".join([*known][:3])
        raise UserError(f"{wrong[0]}: no trial of {folder}, which has {some} and so on")
    chosen = [known[name] for name in names or known]
    found = [(_table(folder, directories, trial), _steps(result)) for trial, result in chosen]
    there = [(path, steps) for path, steps in found if names or path.is_file()]
    if not there:
        raise UserError(f"{folder}: no trial left a {TABLE}, as methods with births and deaths do")
    yield from there


def _table(folder: Path, directories: dict[int, str], trial: Trial) -> Path:
    return folder / directories[trial.number] / TABLE


def _steps(result: Result) -> int:
    """Updates done; 0 if that is not known."""
    return int(result.measures.get("steps") or 0)
