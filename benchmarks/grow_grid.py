"""Adding one value to a finished grid: what is trained, how long it takes, whether numbers stay.

    python benchmarks/grow_grid.py [--rounds 3] [--epochs 2]

A grid of 36 trials of the digits is run, then one of 48 with a fourth learning rate: once taking
results over, as `make sweep` does, and once training everything (REUSE=0). Exits 1 if another
number of trials was trained than are new, or if an old result differs in anything.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import measuring
import sweeping
from measuring import Figure

from espalier.analysis.comparing.sweep_pairs import timeless
from espalier.core.paths import RESULTS
from espalier.core.records import Provenance
from espalier.core.trial import Record
from espalier.store.attempt import TAKEN_OVER
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

GRID = """
CONFIG_LEARNING_RATE={rates}
CONFIG_BATCH_SIZE=32|64
CONFIG_MLP_WIDTH=16|32
CONFIG_SEED=1|2|3
CONFIG_NUM_EPOCHS={epochs}
CONFIG_PRUNING_METHOD=none
CONFIG_DEVICE=cpu
CONFIG_PACK=1
"""
OLD, NEW = "0.001|0.003|0.01", "0.001|0.003|0.01|0.03"
FINISHED, GROWN, AFRESH = "36 trials, finished", "48 trials, 36 taken over", "48 trials, trained"


class Grid(NamedTuple):
    """A sweep as its store has it: wall seconds, results by trial id, how many it trained."""

    seconds: float
    results: dict[str, Record]
    trained: int


def grid(place: Path, rates: str, epochs: int, reuse: str) -> Grid:
    """Plan and run a grid in `place`, beside the sweeps that are there."""
    (place / "range").write_text(GRID.format(rates=rates, epochs=epochs), encoding="utf-8")
    clean = sweeping.calm_environment()
    clock = time.perf_counter()
    for words in (["sweep-generate", "range"], ["sweep-run"]):
        command = [sys.executable, "-P", "-m", "espalier", *words]
        environ = {**clean, "REUSE": reuse}
        done = subprocess.run(
            command, cwd=place, env=environ, capture_output=True, encoding="utf-8"
        )
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
    seconds = time.perf_counter() - clock
    with Store.open(sweeps(place / RESULTS)[0] / STORE, readonly=True) as store:
        results = {trial.id: result.as_json() for trial, result, _ in store.final_results()}
        trained = [item for item in store.attempts() if item.round != TAKEN_OVER]
    return Grid(seconds, results, len(trained))


def faults_of(old: Grid, grown: Grid, afresh: Grid) -> list[str]:
    """Return what differs between a grid, the same grown, and the grown one trained anew."""
    new = grown.results.keys() - old.results.keys()
    faults = [] if grown.trained == len(new) else [f"{grown.trained} trained, {len(new)} are new"]
    for key, result in old.results.items():
        then = grown.results[key]
        made = Provenance.from_json(then["provenance"]).as_json()
        origin = made.pop("taken_over", None)
        if origin is None or {**then, "provenance": made} != result:
            faults.append(f"{key}: not the result that was taken over")
    names = ("status", "measures", "history")
    for key, result in grown.results.items():
        if any(timeless(result[name]) != timeless(afresh.results[key][name]) for name in names):
            faults.append(f"{key}: not what training it again gives")
    return faults


def main() -> int:
    parser = measuring.parser(__doc__, rounds=3)
    parser.add_argument("--epochs", type=int, default=2, help="of a trial (default: 2)")
    args = parser.parse_args()
    seen: list[tuple[Grid, Grid, Grid]] = []

    def measure(place: Path) -> float:
        old, grown = (grid(place, rates, args.epochs, "1") for rates in (OLD, NEW))
        (place / "afresh").mkdir()
        seen.append((old, grown, grid(place / "afresh", NEW, args.epochs, "0")))
        return grown.seconds

    measuring.interleaved({GROWN: measure}, args.rounds)
    faults = [fault for each in seen for fault in faults_of(*each)]
    names = (FINISHED, GROWN, AFRESH)
    figures = [
        *(Figure(name, [each[n].seconds for each in seen], "s") for n, name in enumerate(names)),
        Figure("trained of 48", [float(grown.trained) for _, grown, _ in seen], "", "<= 12"),
        Figure("faults", [float(len(faults))], "", "<= 0"),
    ]
    measuring.tell(args, figures, [f"{args.epochs} epochs a trial, one at a time", *faults])
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
