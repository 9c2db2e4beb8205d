"""A Ray cluster whose nodes are killed and joined while a sweep runs; what a no-op trial costs.

    .venv/bin/python benchmarks/ray_cluster.py [--only kills] [--trials 1000] [--nodes 8]

`kills`: trials that sleep, on real raylets of this machine. Every --every seconds a random node is
killed with SIGKILL and another joins; once the driver is killed and started again. Exits 1 if a
trial is lost, has ended twice, or differs from the same sweep in a pool. `noops`: milliseconds from
the first trial to the last, for each of --noops trials that pass at once, two at a time: in a pool,
on Ray, and by Ray Tune, which keeps its processes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kill_nine
import measuring
import peers
import sweeping
from machines import TOKEN
from measuring import Figure

HERE = Path(__file__).parent
KILLS, NOOPS = "kills", "noops"
SECONDS = "0.4"  # that a trial of `kills` sleeps
SEEDS = 10
QUIET = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}


def main() -> int:
    parser = measuring.parser(__doc__, rounds=3)
    parser.add_argument("--only", choices=(KILLS, NOOPS), default=KILLS)
    parser.add_argument("--trials", type=int, default=1000, help="of kills (default: %(default)s)")
    parser.add_argument("--nodes", type=int, default=8, help="(default: %(default)s)")
    parser.add_argument("--every", type=float, default=20, help="seconds (default: %(default)s)")
    parser.add_argument("--noops", type=int, default=1000, help="(default: %(default)s)")
    args = parser.parse_args()
    os.environ.update(QUIET, PYTHONPATH=str(HERE))
    return kills(args) if args.only == KILLS else noops(args)


def kills(args: argparse.Namespace) -> int:
    """Run the sweep in a pool, and on a cluster that loses nodes; return the exit code."""
    os.environ["NOOP_SECONDS"] = SECONDS
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        calm, disturbed = Path(folder, "calm"), Path(folder, "disturbed")
        for place in (calm, disturbed):
            planned(place, args.trials)
        run(calm, {"NOOP_SECONDS": "0"}).communicate()
        nodes, began = Nodes(args.nodes, Path(folder, "ray")), time.monotonic()
        codes: list[int] = []
        driving = threading.Thread(
            target=lambda: codes.extend(drive(disturbed, nodes.cluster.address, args.trials))
        )
        driving.start()
        nodes.disturb(args.every, driving)
        seconds = time.monotonic() - began
        nodes.cluster.shutdown()
        faults = kill_nine.compared(calm, disturbed)
        tried = sweeping.attempts(disturbed)
    interrupted = Counter(attempt.reason for attempt in tried)["interrupted"]
    figures = [
        Figure("trials", [args.trials], ""),
        Figure("nodes", [args.nodes], ""),
        Figure("seconds", [seconds], "s"),
        Figure("nodes killed", [nodes.killed], "", ">= 1"),
        Figure("nodes that joined", [nodes.joined], "", ">= 1"),
        Figure("drivers killed", [codes.count(-9)], "", ">= 1"),
        Figure("attempts cut off", [interrupted], "", ">= 1"),
        Figure("trials lost or changed", [sum("differs" in each for each in faults)], "", "<= 0"),
        Figure("trials that ended twice", [sum(" times" in each for each in faults)], "", "<= 0"),
        Figure("faults", [len(faults)], "", "<= 0"),
    ]
    measuring.tell(args, figures, [f"exit codes of the drivers: {codes}", *faults[:5]])
    return 1 if faults or codes[-1] else 0


def planned(place: Path, trials: int) -> None:
    """Plan so many trials."""
    place.mkdir()
    rates = f"CONFIG_LEARNING_RATE=0.0001:0.0001:{trials // SEEDS / 10_000:g}\n"
    text = f'CONFIG_MODEL="mlp"\n{rates}CONFIG_SEED=1:1:{SEEDS}\n'
    (place / "noop-range").write_text(text, encoding="utf-8")
    sweeping.plan(place, place / "noop-range")


def run(place: Path, variables: dict[str, object]) -> subprocess.Popen[str]:
    given = {"PACK": 1, "PARALLEL": 2, "PYTHONPATH": HERE, **variables}
    return sweeping.start(place, given, "--entry", kill_nine.NOOP, capture=True)


class Nodes:
    """A cluster of which a random node is killed every so often, and another joins."""

    def __init__(self, count: int, folder: Path) -> None:
        from ray.cluster_utils import Cluster  # Ray reads its variables as it is imported

        self.killed = self.joined = 0
        self._seeded = random.Random(1)
        head = {"num_cpus": 0, "include_dashboard": False, "temp_dir": str(folder)}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self._nodes = [self._join() for _ in range(count)]

    def disturb(self, every: float, driving: threading.Thread) -> None:
        """Kill a node and let one join every so many seconds, as long as `driving` lasts."""
        while driving.join(every) or driving.is_alive():
            node = self._nodes.pop(self._seeded.randrange(len(self._nodes)))
            self.cluster.remove_node(node, allow_graceful=False)
            self.killed += 1
            self._nodes.append(self._join())
            self.joined += 1
            measuring.say(f"{self.killed} nodes killed, {self.joined} joined")

    def _join(self) -> Any:
        return self.cluster.add_node(num_cpus=1, include_dashboard=False)


def drive(place: Path, address: str, trials: int) -> Iterator[int]:
    """Run the sweep on the cluster; kill the driver after two trials in five; yield exit codes."""
    where: dict[str, object] = {"EXECUTOR": "ray", "RAY_ADDRESS": address, "PARALLEL": 0}
    driver = run(place, where)
    kill_nine.wait_for(driver, lambda: len(kill_nine.passed(place)) > 0.4 * trials)
    driver.kill()
    said, _ = driver.communicate()
    measuring.say(f"driver killed: {len(kill_nine.passed(place))} trials have ended")
    yield driver.returncode
    driver = run(place, where)
    said, _ = driver.communicate()
    measuring.say(said[-2000:])
    yield driver.returncode


def noops(args: argparse.Namespace) -> int:
    """Measure trials that pass at once; return the exit code."""
    candidates = {
        "in a pool": lambda place: spent(place, args.noops, {}),
        "on Ray": lambda place: spent(place, args.noops, {"EXECUTOR": "ray"}),
    }
    if (python := peers.python()) is not None:
        candidates["by Ray Tune"] = lambda place: spent_by_tune(place, args.noops, python)
    seen = measuring.interleaved(candidates, args.rounds)
    figures = [Figure(f"a trial {name}", values, "ms") for name, values in seen.items()]
    measuring.tell(args, figures, [peers.versions()])
    return 0


def spent(place: Path, trials: int, variables: dict[str, object]) -> float:
    """Milliseconds a trial, from the start of the first to the end of the last."""
    planned(place / "sweep", trials)
    said, _ = run(place / "sweep", variables).communicate()
    tried = sweeping.attempts(place / "sweep")
    if len(tried) != trials:
        sys.exit(said)
    ends = [attempt.finished for attempt in tried if attempt.finished is not None]
    return 1000 * (max(ends) - min(attempt.started for attempt in tried)) / trials


def spent_by_tune(place: Path, trials: int, python: Path) -> float:
    """The same by Ray Tune, from its own clock around the fit."""
    command = [python, HERE / "ray_noops.py", str(trials), place]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return 1000 * float(json.loads(done.stdout.splitlines()[-1])) / trials


if __name__ == "__main__":
    sys.exit(main())
