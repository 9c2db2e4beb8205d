"""`kill -9` of a worker in the middle of a pack: what it had finished stays, the rest runs again.

    python benchmarks/pack_kill.py [--kills 3] [--pack 8]

Each time the trials of pack_kill-range are swept with two workers, and one of them is killed when
some trials of its pack have ended and others have not. Exits 1 unless, at the end, every trial has
the result of an undisturbed sweep, those that were cut off ran again and no other trial did.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import measuring
import sweeping
from kill_nine import compared, report, running, wait_for
from measuring import Figure

from espalier.store.attempt import Attempt

RANGE = Path(__file__).parent / "pack_kill-range"


def main() -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--pack", type=int, default=8, help="trials in a pack (default: 8)")
    args = parser.parse_args()
    faults: list[str] = []
    cut_off: list[float] = []
    tried: list[Attempt] = []
    with tempfile.TemporaryDirectory() as folder:
        calm = sweeping.sweep(Path(folder), RANGE, PACK=args.pack, PARALLEL=2)
        for kill in range(1, args.kills + 1):
            with tempfile.TemporaryDirectory() as disturbed:
                own_faults, cut = kill_once(Path(disturbed), args)
                own_faults += compared(calm.place, Path(disturbed))
                tried += sweeping.attempts(Path(disturbed))
            faults += [f"kill {kill}: {fault}" for fault in own_faults]
            cut_off.append(cut)
            measuring.say(f"kill {kill}: {cut} trials cut off, faults: {own_faults}")
    return report(args, faults, tried, [Figure("trials of a pack cut off", cut_off, "", ">= 1")])


def kill_once(place: Path, args: argparse.Namespace) -> tuple[list[str], int]:
    """Faults in who ran again, and how many trials were cut off."""
    sweeping.plan(place, RANGE)
    runner = sweeping.start(place, {"PACK": args.pack, "PARALLEL": 2})
    worker = await_middle(place, runner)
    if worker is None:
        runner.wait()
        return ["no pack was seen with ended and unfinished trials"], 0
    os.kill(worker, signal.SIGKILL)
    runner.wait()
    tried = sweeping.attempts(place)
    cut = {
        attempt.trial for attempt in tried if attempt.worker == worker and attempt.status == "error"
    }
    times = Counter(attempt.trial for attempt in tried)
    again = [attempt for attempt in tried if attempt.attempt == 1 and times[attempt.trial] > 1]
    faults = [
        f"trial {attempt.trial} ran again after {attempt.status} "
        f"({attempt.reason}: {attempt.message})"
        for attempt in again
        if attempt.trial not in cut
    ]
    return faults + [f"trial {n} did not run again" for n in cut if times[n] < 2], len(cut)


def await_middle(place: Path, runner: subprocess.Popen[str]) -> int | None:
    """The process of a worker in the middle of a pack; None if there was never one."""
    workers: list[int] = []

    def in_the_middle() -> bool:
        workers[:] = middles(place)
        return bool(workers)

    wait_for(runner, in_the_middle)
    return workers[0] if workers and runner.poll() is None else None


def middles(place: Path) -> list[int]:
    """Workers with a pack, begun at once, of which some trials have ended and some have not."""
    open_packs = {(attempt.worker, attempt.started) for attempt in running(place)}
    ended = {
        (attempt.worker, attempt.started)
        for attempt in sweeping.attempts(place)
        if attempt.finished
    }
    return [worker for worker, _ in open_packs & ended]


if __name__ == "__main__":
    sys.exit(main())
