"""`kill -9` in the middle of trials: they go on from their snapshots to what a calm sweep gives.

    python benchmarks/snapshot_kill.py [--kills 8] [--rounds 30] [--compress]

The trials of defconfigs/digits-snapshots-range are swept twice: undisturbed and without snapshots,
and with one an epoch while the runner is killed again and again, each time when a trial has gone
beyond what it began with. Every trial is compared: status, every measure, every epoch, all but
times. Exits 1 on any difference. Then the cost of one snapshot is measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import measuring
import sweeping
from kill_nine import compared, report, running, wait_for
from measuring import Figure

from espalier.core.paths import ROOT
from espalier.core.trial import Task
from espalier.plan import planning
from espalier.train import worker_entry
from espalier.train.checkpoints import snapshot_files
from espalier.train.checkpoints.snapshot_files import SnapshotContext
from espalier.train.loop import Loop

RANGE = ROOT / "defconfigs" / "digits-snapshots-range"
WITHOUT = "CONFIG_SNAPSHOT_EVERY=0\nCONFIG_SNAPSHOT_EVENTS=n\n"
EACH = "CONFIG_SNAPSHOT_EVERY=1\n"
COMPRESS = "CONFIG_SNAPSHOT_COMPRESS=y\n"
VARIABLES: dict[str, object] = {"PACK": 1, "PARALLEL": 2}


def main() -> int:
    parser = measuring.parser(__doc__, rounds=30)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--compress", action="store_true", help="snapshots are compressed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        calm, disturbed = Path(folder) / "calm", Path(folder) / "disturbed"
        for place in (calm, disturbed):
            place.mkdir()
        sweeping.sweep(calm, RANGE, WITHOUT, **VARIABLES)
        sweeping.plan(disturbed, RANGE, EACH + COMPRESS * args.compress)
        for kill in range(1, args.kills + 1):
            measuring.say(f"kill {kill}: {kill_once(disturbed)} snapshots there")
        sweeping.start(disturbed, VARIABLES).wait()
        faults = compared(calm, disturbed)
        resumed = [r.provenance.resumed for _, r in sweeping.results(disturbed)]
        epochs = [float(snapshot["epoch"]) for snapshot in resumed if snapshot]
        tried = sweeping.attempts(disturbed)
    figures = [
        Figure("kills", [args.kills], ""),
        Figure("trials gone on from a snapshot", [len(epochs)], "", ">= 1"),
        Figure("epochs that were not trained again, a trial", epochs or [0], ""),
        *cost(args),
    ]
    return report(args, faults, tried, figures)


def kill_once(place: Path) -> int:
    """Kill the runner when some trial has one more snapshot than there were; how many are there."""
    runner = sweeping.start(place, VARIABLES)
    before = set(taken(place))
    wait_for(runner, lambda: running(place) and len(set(taken(place)) - before) >= 12)
    runner.kill()
    runner.wait()
    time.sleep(0.5)  # for workers to notice
    return len(taken(place))


def taken(place: Path) -> list[Path]:
    return list((place / sweeping.RESULTS).glob("*/snapshots/epoch_*.json"))


def cost(args: argparse.Namespace) -> list[Figure]:
    """Milliseconds and bytes of a snapshot of the range file's first trial, after one epoch."""
    plan = planning.plan_from_files([RANGE])
    seconds, sizes = [], []
    with tempfile.TemporaryDirectory() as folder:
        task = Task.single(plan.trials[0], plan.settings, Path(folder))
        trainer, _ = worker_entry.prepare(task)
        _, record = next(iter(Loop([trainer]).epochs()))
        assert isinstance(record, dict)
        for _ in range(args.rounds):
            began = time.perf_counter()
            snapshot = snapshot_files.save(
                Path(folder), trainer, [record], SnapshotContext({}, compress=args.compress)
            )
            seconds.append(1000 * (time.perf_counter() - began))
            sizes.append(snapshot.manifest["bytes"] / 1000)
        return [
            Figure("a snapshot", seconds, "ms"),
            Figure("a snapshot's size", sizes, "kB"),
            Figure("an epoch of that trial", [1000 * float(record["seconds"])], "ms"),
        ]


if __name__ == "__main__":
    sys.exit(main())
