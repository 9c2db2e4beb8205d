"""`kill -9` at random times during one sweep; the result must equal that of an undisturbed run.

    .venv/bin/python benchmarks/kill_nine.py RANGE_CONFIG [--kills 20] [--seed 1]

Every trial is compared: status, every measure and every epoch, all but the time it took. Prints
what was seen and exits 1 on any difference, on a finished trial that ran again, or on a zombie.

Seen with defconfigs/digits-adamwprune-range, 20 kills: 36 trials, 58 attempts, 22 interrupted, no
fault, in 175 s (undisturbed: 21.5 s).
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from espalier.sweep.results_dir import STORE, sweeps
from espalier.sweep.store import Attempt, Store
from espalier.trial import Record, Result

TIMES = ("seconds", "total_time", "started")
Outcomes = dict[str, Record]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("range_config")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the times of the kills")
    parser.add_argument("--entry", default="espalier.train.entry:train_trial")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        calm, disturbed = Path(folder) / "calm", Path(folder) / "disturbed"
        for place in (calm, disturbed):
            place.mkdir()
            espalier(place, "sweep-generate", str(args.range_config)).communicate()
        began = time.monotonic()
        espalier(calm, "sweep-run", "--entry", args.entry).communicate()
        trials = len(outcomes(calm))
        print(f"undisturbed: {trials} trials in {time.monotonic() - began:.1f} s", flush=True)
        faults = kill_often(disturbed, args, trials)
        return report(calm, disturbed, faults)


def espalier(place: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "espalier", *arguments]
    return subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL, start_new_session=True)


def kill_often(place: Path, args: argparse.Namespace, trials: int) -> list[str]:
    """Start, kill -9 at a random moment, `args.kills` times over; then let it end.

    Every fourth kill hits the start (store, workers, first assignments); the others come a random
    time after a random number of further trials, so that the kills spread over the sweep.
    """
    seeded, faults = random.Random(args.seed), []
    most = 2 * trials // args.kills  # further trials before a kill
    for kill in range(1, args.kills + 1):
        before = conclusive(place)
        runner = espalier(place, "sweep-run", "--entry", args.entry)
        if kill % 4:
            goal = len(before) + seeded.randint(0, most)
            wait_for(runner, lambda: running(place) and len(conclusive(place)) >= goal)  # noqa: B023
        time.sleep(seeded.uniform(0, 0.5 if kill % 4 else 5))
        over = runner.poll() is not None
        runner.kill()
        runner.wait()
        now = conclusive(place)
        if not before.items() <= now.items():
            faults.append(f"kill {kill}: a finished trial was lost or changed")
        state = "after its end" if over else f"{len(running(place))} running"
        print(f"kill {kill}: {len(now)} finished, {state}", flush=True)
    espalier(place, "sweep-run", "--entry", args.entry).wait()
    return faults


def report(calm: Path, disturbed: Path, faults: list[str]) -> int:
    expected, found = outcomes(calm), outcomes(disturbed)
    faults += [f"{name} differs" for name in expected if expected[name] != found.get(name)]
    tried = attempts(disturbed)
    faults += [f"{one.trial} is a zombie" for one in tried if one.finished is None]
    again = Counter(one.trial for one in tried if one.status in ("passed", "failed"))
    faults += [f"trial {number} finished {n} times" for number, n in again.items() if n > 1]
    lost = sum(one.reason == "interrupted" for one in tried)
    print(f"{len(expected)} trials, {len(tried)} attempts, {lost} interrupted; faults: {faults}")
    return 1 if faults or len(sweeps(disturbed / "test_matrix_results")) != 1 else 0


def attempts(place: Path) -> list[Attempt]:
    found = sweeps(place / "test_matrix_results")
    if not found:
        return []
    with Store.open(found[0] / STORE, readonly=True) as store:
        return store.attempts()


def conclusive(place: Path) -> dict[int, str]:
    return {one.trial: one.status for one in attempts(place) if one.status in ("passed", "failed")}


def outcomes(place: Path) -> Outcomes:
    with Store.open(sweeps(place / "test_matrix_results")[0] / STORE, readonly=True) as store:
        return {trial.id: comparable(result) for trial, result, _ in store.final_results()}


def comparable(result: Result) -> Record:
    record = result.as_json()
    return {key: timeless(record[key]) for key in ("status", "reason", "measures", "history")}


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items() if key not in TIMES}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def running(place: Path) -> list[Attempt]:
    return [one for one in attempts(place) if one.status == "running"]


def wait_for(runner: subprocess.Popen[bytes], condition: Callable[[], object]) -> None:
    while not condition() and runner.poll() is None:
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
