"""The quick start: the README's sweep from nothing planned to the report, and where the time goes.

    python benchmarks/quick_start.py [range file]

Runs the two commands behind `make sweep` in fresh processes, with results in a temporary folder,
and splits the wall time: plan, start-up of the workers, training, and the rest (scheduling,
durable rows, reports).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from espalier.paths import ROOT
from espalier.sweep.store import Store
from espalier.trial import Status

RANGE = "defconfigs/digits-adamwprune-range"


def timed(*args: str) -> float:
    """Wall seconds of one `python -m espalier` command; its output is shown if it fails."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "espalier", *args], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - started


def main() -> None:
    range_file = sys.argv[1] if len(sys.argv) > 1 else RANGE
    with tempfile.TemporaryDirectory() as folder:
        configs, results = Path(folder) / "configs", Path(folder) / "results"
        plan = timed("sweep-generate", range_file, "--output-dir", str(configs))
        clock = time.time()
        run = timed("sweep-run", "--config-dir", str(configs), "--output-dir", str(results))
        with Store.open(results / "sweep.db", readonly=True) as store:
            attempts = list(store.attempts())
            outcomes = [result for _, result, _ in store.final_results()]
    workers = len({attempt.worker for attempt in attempts})
    begun = min(attempt.started for attempt in attempts)
    training = sum(float(result.measures["total_time"]) for result in outcomes) / workers
    rows = {
        "plan": plan,
        "start-up of the workers": begun - clock,
        f"training ({workers} workers)": training,
        "scheduling, rows, reports, exit": run - (begun - clock) - training,
        "whole": plan + run,
    }
    passed = sum(result.status is Status.PASSED for result in outcomes)
    print(f"{range_file}: {passed} of {len(outcomes)} trials passed, {os.cpu_count()} cores")
    for name, value in rows.items():
        print(f"  {name:34s} {value:7.2f} s  {100 * value / rows['whole']:5.1f} %")


if __name__ == "__main__":
    main()
