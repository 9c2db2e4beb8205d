"""sweep-list over 200 sweeps of 100 trials: the first time, and out of its cache.

Run: `python benchmarks/sweep_list.py`

Trials are made up, 4 seeds a configuration and 20 epochs each. Each list is a fresh process; what
is counted is the time of its processor, imports included, which a busy machine changes little.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import measuring
from large_sweeps import large_sweep
from measuring import Figure

SWEEPS, TRIALS = 200, 100
REPEATS = 5
LIST = (sys.executable, "-P", "-m", "espalier", "sweep-list")
QUERY = ("--query", "PRUNING_METHOD=rigl & val_acc>97")
AGE = 3600.0
"""Seconds since the last change of the stores."""


def make_sweeps(results: Path) -> None:
    """Write the stores, an hour old."""
    for n in range(SWEEPS):
        folder = large_sweep(results / f"sweep_20260101_{n:06d}", TRIALS, seeds=4)
        for path in folder.iterdir():
            os.utime(path, (time.time() - AGE,) * 2)


def spent(command: Sequence[str], place: Path, environment: Mapping[str, str]) -> float:
    """Seconds of processor of a list."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=place, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    args = measuring.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        make_sweeps(place / "test_matrix_results")
        environments = [
            {**os.environ, "XDG_CACHE_HOME": str(place / f"cache{n}")} for n in range(REPEATS)
        ]
        first = [spent(LIST, place, each) for each in environments]
        again = [spent(LIST, place, each) for each in environments]
        query = [spent([*LIST, *QUERY], place, each) for each in environments]
    figures = [
        Figure(f"{SWEEPS} sweeps of {TRIALS} trials listed again", again, "s", "<= 1"),
        Figure("with a query", query, "s", "<= 1"),
        Figure("for the first time", first, "s"),
    ]
    measuring.tell(args, figures)


if __name__ == "__main__":
    main()
