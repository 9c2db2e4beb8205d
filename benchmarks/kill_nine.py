"""`kill -9` at random times during one sweep; the result must equal that of an undisturbed run.

    .venv/bin/python benchmarks/kill_nine.py [RANGE_CONFIG] [--kills 20] [--seed 1]

Trials are trained one by one, so that they end one by one; pack_kill.py kills in packs. Every trial
is compared: status, every measure and every epoch, all but the time it took. Prints what was seen
and exits 1 on any difference, on a finished trial that ran again, or on a zombie.
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

import measuring
import sweeping
from measuring import Figure
from quick_start import RANGE

from espalier.store.store import Attempt


def main() -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("range_config", nargs="?", default=RANGE)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--pack", type=int, default=1, help="trials in a pack (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="of the times of the kills")
    parser.add_argument("--entry", default="espalier.train.worker_entry:train_trial")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        calm, disturbed = Path(folder) / "calm", Path(folder) / "disturbed"
        for place in (calm, disturbed):
            place.mkdir()
            sweeping.plan(place, args.range_config)
        began = time.monotonic()
        run(calm, args).wait()
        undisturbed = time.monotonic() - began
        trials = len(sweeping.outcomes(calm))
        measuring.say(f"undisturbed: {trials} trials in {undisturbed:.1f} s")
        faults = kill_often(disturbed, args, trials)
        faults += compared(calm, disturbed)
        tried = sweeping.attempts(disturbed)
    whole = [Figure("undisturbed", [undisturbed], "s"), Figure("trials", [trials], "")]
    return report(args, faults, tried, whole)


def run(place: Path, args: argparse.Namespace) -> subprocess.Popen[str]:
    return sweeping.start(place, {"PACK": args.pack}, "--entry", args.entry)


def kill_often(place: Path, args: argparse.Namespace, trials: int) -> list[str]:
    """Start, kill -9 at a random moment, `args.kills` times over; then let it end.

    Every fourth kill hits the start (store, workers, first assignments); the others come a random
    time after a random number of further trials, so that the kills spread over the sweep.
    """
    seeded, faults = random.Random(args.seed), []
    max_trials = 2 * trials // args.kills  # further trials before a kill
    for kill in range(1, args.kills + 1):
        before = conclusive(place)
        runner = run(place, args)
        if kill % 4:
            goal = len(before) + seeded.randint(0, max_trials)
            wait_for(runner, lambda: running(place) and len(conclusive(place)) >= goal)  # noqa: B023
        time.sleep(seeded.uniform(0, 0.5 if kill % 4 else 5))
        over = runner.poll() is not None
        runner.kill()
        runner.wait()
        now = conclusive(place)
        if not before.items() <= now.items():
            faults.append(f"kill {kill}: a finished trial was lost or changed")
        state = "after its end" if over else f"{len(running(place))} running"
        measuring.say(f"kill {kill}: {len(now)} finished, {state}")
    run(place, args).wait()
    return faults


def compared(calm: Path, disturbed: Path) -> list[str]:
    """What went wrong in the disturbed sweep, a line each."""
    expected, actual = sweeping.outcomes(calm), sweeping.outcomes(disturbed)
    faults = [f"{name} differs" for name in expected if expected[name] != actual.get(name)]
    tried = sweeping.attempts(disturbed)
    faults += [f"{attempt.trial} is a zombie" for attempt in tried if attempt.finished is None]
    again = Counter(attempt.trial for attempt in tried if attempt.status in ("passed", "failed"))
    return faults + [f"trial {number} finished {n} times" for number, n in again.items() if n > 1]


def report(
    args: argparse.Namespace, faults: list[str], tried: list[Attempt], figures: list[Figure]
) -> int:
    """Tell what was seen; return the exit code."""
    lost = sum(attempt.status == "error" for attempt in tried)
    counted = {"attempts": len(tried), "attempts cut off": lost}
    figures += [Figure(name, [count], "") for name, count in counted.items()]
    figures.append(Figure("faults", [len(faults)], "", "<= 0"))
    measuring.tell(args, figures, [f"faults: {faults}"])
    return 1 if faults else 0


def conclusive(place: Path) -> dict[int, str]:
    attempts = sweeping.attempts(place)
    return {
        attempt.trial: attempt.status
        for attempt in attempts
        if attempt.status in ("passed", "failed")
    }


def running(place: Path) -> list[Attempt]:
    return [attempt for attempt in sweeping.attempts(place) if attempt.status == "running"]


def wait_for(runner: subprocess.Popen[str], condition: Callable[[], object]) -> None:
    while not condition() and runner.poll() is None:
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
