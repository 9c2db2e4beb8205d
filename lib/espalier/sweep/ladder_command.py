"""`sweep-ladder`: at which value of a numeric symbol a measure falls off."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from espalier.paths import RESULTS
from espalier.sweep import ladder_report, space
from espalier.sweep.ladder import ladders
from espalier.sweep.measures import MEASURES
from espalier.sweep.rank import rank
from espalier.sweep.rank_commands import newest
from espalier.sweep.report import ranking_measure, trial_results
from espalier.sweep.results_dir import STORE, write_atomically
from espalier.sweep.store import Store

JSON, PICTURE = "sweep_ladder.json", "sweep_ladder.png"


def ladder(argv: Sequence[str]) -> int:
    """Fit the ladders of a finished sweep; writes sweep_ladder.json and .png into its folder."""
    parser = argparse.ArgumentParser(prog="sweep-ladder", description=ladder.__doc__)
    about = "such as SPARSE_DENSITY (default: the swept one with the most values)"
    parser.add_argument("--symbol", help=about)
    parser.add_argument("--dir", type=Path, help="folder of the sweep (default: the newest)")
    parser.add_argument("--by", choices=list(MEASURES), help="measure (default: the sweep's)")
    parser.add_argument("--plot", type=Path, help=f"the picture (default: {PICTURE} of the sweep)")
    args = parser.parse_args(argv)
    folder = args.dir or newest(RESULTS)
    with Store.open(folder / STORE, readonly=True) as store:
        found, by = trial_results(store), ranking_measure(store, args.by)
    symbol = args.symbol.removeprefix("CONFIG_") if args.symbol else None
    climbed = ladders(rank(found, by), symbol)
    for one in climbed:
        print("\n".join(ladder_report.told(one)) + "\n")
    text = json.dumps([ladder_report.as_json(one) for one in climbed], indent=2) + "\n"
    with space.needed(folder):
        write_atomically(folder / JSON, text)
    ladder_report.write_picture(climbed, args.plot or folder / PICTURE)
    print(f"{folder / JSON}\n{args.plot or folder / PICTURE}")
    return 0
