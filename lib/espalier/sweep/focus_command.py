"""`sweep-focus`: plan a sweep around a configuration of a finished one."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from pathlib import Path

from espalier.errors import UserError
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.paths import RESULTS, SWEEP_CONFIGS
from espalier.sweep import commands, focus, planning, space
from espalier.sweep.measures import MEASURES
from espalier.sweep.plan import write_plan
from espalier.sweep.rank import rank
from espalier.sweep.rank_commands import newest
from espalier.sweep.report import ranking_measure, trial_results
from espalier.sweep.results_dir import STORE, write_atomically
from espalier.sweep.store import Store

RANGE = "focus-range"


def run(argv: Sequence[str]) -> int:
    """Write a range file into the folder of a sweep, and the plan of it. Raises UserError."""
    args = _arguments(argv)
    region = _region(args.region)
    folder = args.dir or newest(RESULTS)
    with Store.open(folder / STORE, readonly=True) as store:
        found, by = trial_results(store), ranking_measure(store, args.by)
        settings = {str(k): str(v) for k, v in store.header["settings"].items()}
    ranking = rank(found, by)
    centre = focus.chosen(ranking, args.around)
    symbols = Symbols(tree.parse())
    axes = focus.nearby(symbols, centre.first, focus.tried(ranking), region)
    if not any(len(values) > 1 for values in axes.values()):
        raise UserError(f"{folder}: sweeps no number, so there is nothing near to try")
    heading = [f"Around {centre.first.name} of {folder.name}, {args.around} by {by}"]
    with space.needed(folder):
        text = focus.range_file(centre, axes, settings, heading)
        write_atomically(folder / RANGE, text)
    plan = planning.plan_from_files([folder / RANGE])
    write_plan(plan, args.output_dir)
    print("\n".join([f"{folder / RANGE}: {heading[0]}", *commands.report(plan)]))
    print(f"\nWrote {len(plan.trials)} configurations to {args.output_dir}/; next: make sweep-run")
    return 0


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sweep-focus", description=run.__doc__)
    add = parser.add_argument
    around = os.environ.get("AROUND") or focus.BEST
    add("--around", default=around, help="best, a place in the ranking, or a trial (config_003)")
    about = "factor that numbers may change by (default: half-way to what was tried)"
    add("--region", default=os.environ.get("REGION") or None, help=about)
    add("--dir", type=Path, help="folder of the sweep (default: the newest)")
    add("--by", choices=list(MEASURES), help="measure (default: the sweep's)")
    add("--output-dir", type=Path, default=SWEEP_CONFIGS, help="(default: %(default)s)")
    return parser.parse_args(argv)


def _region(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1 < value < math.inf:
        raise UserError(f"REGION={text}: must be a factor above 1, such as 2")
    return value
