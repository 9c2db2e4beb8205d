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
from kill_nine import compared, running, told, wait_for
from measuring import Figure

from espalier.store.store import Attempt

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
                found, cut = kill_once(Path(disturbed), args)
                found += compared(calm.place, Path(disturbed))
                tried += sweeping.attempts(Path(disturbed))
            faults += [f"kill {kill}: {fault}" for fault in found]
            cut_off.append(cut)
            measuring.say(f"kill {kill}: {cut} trials cut off, faults: {found}")
    return told(args, faults, tried, [Figure("trials of a pack cut off", cut_off, "", ">= 1")])


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
    cut = {one.trial for one in tried if one.worker == worker and one.status == "error"}
    times = Counter(one.trial for one in tried)
    again = [one for one in tried if one.attempt == 1 and times[one.trial] > 1]
    faults = [
        f"trial {one.trial} ran again after {one.status} ({one.reason}: {one.message})"
        for one in again
        if one.trial not in cut
    ]
    return faults + [f"trial {n} did not run again" for n in cut if times[n] < 2], len(cut)


def await_middle(place: Path, runner: subprocess.Popen[str]) -> int | None:
    """The process of a worker in the middle of a pack; None if there was never one."""
    found: list[int] = []

    def in_the_middle() -> bool:
        found[:] = middles(place)
        return bool(found)

    wait_for(runner, in_the_middle)
    return found[0] if found and runner.poll() is None else None


def middles(place: Path) -> list[int]:
    """Workers with a pack, begun at once, of which some trials have ended and some have not."""
    open_packs = {(one.worker, one.started) for one in running(place)}
    ended = {(one.worker, one.started) for one in sweeping.attempts(place) if one.finished}
    return [worker for worker, _ in open_packs & ended]


if __name__ == "__main__":
    sys.exit(main())
