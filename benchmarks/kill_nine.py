"""Kills and signals at random times during one sweep; the result must equal an undisturbed one's.

    .venv/bin/python benchmarks/kill_nine.py [RANGE_CONFIG] [--kills 200] [--seed 1]

Without a range file: 4,000 trials that pass at once. The runner, a worker or both are killed with
SIGKILL, and the runner is sent SIGTERM, SIGHUP, SIGINT twice or SIGTERM twice, as `timeout` and
Slurm do: from 100 ms after its start (or its first line of Python, if that is later), and after a
random number of trials. Exits 1 if a finished trial was lost, changed or run again, if an attempt
stays open, or if a signal leaves no new report or another exit code than 130.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import measuring
import sweeping
from measuring import Figure

from espalier.core.process.stop_signals import EXIT_INTERRUPTED
from espalier.report.reports import ANALYSIS, SUMMARY
from espalier.store.attempt import Attempt
from espalier.store.results_dir import STORE

HERE = Path(__file__).parent
NOOPS = 'CONFIG_MODEL="mlp"\nCONFIG_LEARNING_RATE=0.0001:0.0001:0.04\nCONFIG_SEED=1:1:10\n'
NOOP = "noop_trial:noop"
WORKER, RUNNER, BOTH = "kill -9 of a worker", "kill -9 of the runner", "kill -9 of both"
SIGNALS = {
    "SIGTERM": [signal.SIGTERM],
    "SIGHUP": [signal.SIGHUP],
    "SIGINT twice": [signal.SIGINT] * 2,
    "SIGTERM twice": [signal.SIGTERM] * 2,
}
KINDS = [WORKER, RUNNER, BOTH] * 3 + list(SIGNALS)
MARKS = [
    ("finished trials lost", "lost or changed"),
    ("trials finished twice", " times"),
    ("signals without a new report", "no new"),
    ("signals without exit code 130", "exit code"),
]
"""Kinds of faults, and what is in the line of each."""
FIRST = 0.1  # seconds after the start of a runner, before which nothing is sent
LAST = 2.0  # seconds, of the kills that do not wait for trials
PACES = ("0.05", "0.1", "0.2")  # seconds that a trial sleeps, until the kills are over


def main() -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("range_config", nargs="?")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pack", type=int, default=1, help="trials in a pack (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="of the times of the kills")
    parser.add_argument("--entry", help="function that trains a trial")
    args = parser.parse_args()
    args.entry = args.entry or (
        "espalier.train.worker_entry:train_trial" if args.range_config else NOOP
    )
    with tempfile.TemporaryDirectory() as folder:
        calm, disturbed = Path(folder) / "calm", Path(folder) / "disturbed"
        for place in (calm, disturbed):
            planned(place, args.range_config)
        began = time.monotonic()
        run(calm, args).communicate()
        undisturbed = time.monotonic() - began
        trials = len(sweeping.outcomes(calm))
        measuring.say(f"undisturbed: {trials} trials in {undisturbed:.1f} s")
        kinds, faults = kill_often(disturbed, args, trials)
        faults += compared(calm, disturbed)
        tried = sweeping.attempts(disturbed)
    whole = [Figure("undisturbed", [undisturbed], "s"), Figure("trials", [trials], "")]
    whole += [Figure(kind, [kinds[kind]], "") for kind in dict.fromkeys(KINDS)]
    whole += [
        Figure(what, [sum(mark in fault for fault in faults)], "", "<= 0") for what, mark in MARKS
    ]
    return report(args, faults, tried, whole)


def planned(place: Path, range_config: str | None) -> None:
    """Plan the range file, or the sweep of trials that pass at once."""
    place.mkdir()
    if range_config is None:
        range_config = str(place / "noop-range")
        Path(range_config).write_text(NOOPS, encoding="utf-8")
        os.environ["MAX_TRIALS"] = "4000"
    sweeping.plan(place, range_config)


def run(place: Path, args: argparse.Namespace, pace: str = "0") -> subprocess.Popen[str]:
    variables = {"PACK": args.pack, "PARALLEL": 2, "PYTHONPATH": HERE, "NOOP_SECONDS": pace}
    return sweeping.start(place, variables, "--entry", args.entry, capture=True)


def kill_often(
    place: Path, args: argparse.Namespace, trials: int
) -> tuple[Counter[str], list[str]]:
    """Start runners and kill until there were `args.kills` kills; then let the sweep end.

    Returns how many there were of each kind, and what went wrong.
    """
    seeded, kinds = random.Random(args.seed), Counter[str]()
    plan = [KINDS[kill % len(KINDS)] for kill in range(args.kills)]
    seeded.shuffle(plan)
    faults: list[str] = []
    while plan:
        kept, began = passed(place), time.time()
        runner = run(place, args, seeded.choice(PACES))
        sent = list(kill(place, runner, plan, seeded, (trials - len(kept)) // (2 * len(plan))))
        if not sent and runner.poll() is not None:
            runner.communicate()
            return kinds, [*faults, f"the sweep ended before {len(plan)} kills were made"]
        kinds.update(sent)
        kind = sent[-1] if sent else WORKER
        new = [f"kill {kinds.total()}, {kind}: {f}" for f in seen(place, kind, runner, began)]
        if not kept.items() <= passed(place).items():
            new.append(f"kill {kinds.total()}: a finished trial was lost or changed")
        faults += new
        measuring.say(
            f"kill {kinds.total()}, {kind}: {len(passed(place))} finished{'; '.join(['', *new])}"
        )
    return kinds, faults + end(place, args)


def kill(
    place: Path,
    runner: subprocess.Popen[str],
    plan: list[str],
    seeded: random.Random,
    trials: int,
) -> Iterator[str]:
    """Kill what `plan` says until the runner is to end; yield the kinds."""
    while plan and wait(place, runner, seeded, trials):
        kind = plan.pop()
        send(kind, runner, seeded)
        yield kind
        if kind != WORKER:
            return
    runner.kill()  # nothing is left that would end it


def end(place: Path, args: argparse.Namespace) -> list[str]:
    """Let the sweep come to its end; trials whose workers were killed too often go again."""
    while True:
        runner = run(place, args)
        said, _ = runner.communicate()
        if runner.returncode == 0:
            return []
        if runner.returncode != 1:
            return [f"the last runner ended with {runner.returncode}: {said}"]


def wait(place: Path, runner: subprocess.Popen[str], seeded: random.Random, trials: int) -> bool:
    """Wait for the moment of the next kill; return whether the runner is still there then."""
    early, count, pause = seeded.random() < 0.4, seeded.randint(0, 2 * trials), seeded.random()
    goal = 0 if early else len(passed(place)) + count
    wait_for(runner, lambda: heeding(runner) and (early or len(passed(place)) >= goal))
    time.sleep(FIRST + (LAST - FIRST) * pause if early else 0.2 * pause)
    return runner.poll() is None


def heeding(runner: subprocess.Popen[str]) -> bool:
    """Whether its Python has come to the line that installs the handlers."""
    with suppress(OSError):
        status = Path(f"/proc/{runner.pid}/status").read_text(encoding="utf-8")
        caught = re.search(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)
        return bool(caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)
    return False


def send(kind: str, runner: subprocess.Popen[str], seeded: random.Random) -> None:
    """Kill, or signal the process group, the second time within a moment of the first."""
    if kind in (WORKER, BOTH) and (workers := list(children(runner.pid))):
        with suppress(ProcessLookupError):
            os.kill(seeded.choice(workers), signal.SIGKILL)
    if kind in (RUNNER, BOTH):
        runner.kill()
    for number in SIGNALS.get(kind, ()):
        with suppress(ProcessLookupError):
            os.killpg(runner.pid, number)
        time.sleep(seeded.choice((0.0, 0.01, 0.2)))


def children(process: int) -> Iterator[int]:
    """Yield the processes that a process has started and that live."""
    with suppress(OSError):
        names = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8")
        yield from map(int, names.split())


def seen(place: Path, kind: str, runner: subprocess.Popen[str], began: float) -> Iterator[str]:
    """Yield what a runner that has been stopped did not leave as it should."""
    said, _ = runner.communicate()
    if "Traceback" in said:
        yield said[-2000:]
    if kind not in SIGNALS:
        return
    if runner.returncode != EXIT_INTERRUPTED:
        yield f"exit code {runner.returncode}"
    if not (place / sweeping.RESULTS / STORE).exists():
        return
    if left := len(running(place)):
        yield f"{left} attempts left open"
    for name in (SUMMARY, ANALYSIS):
        path = place / sweeping.RESULTS / name
        if not path.exists() or path.stat().st_mtime < began:
            yield f"no new {name}"


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


def passed(place: Path) -> dict[int, str]:
    """The trials that have ended for good, with their states."""
    attempts = sweeping.attempts(place)
    ended = ("passed", "failed")
    return {attempt.trial: attempt.status for attempt in attempts if attempt.status in ended}


def running(place: Path) -> list[Attempt]:
    return [attempt for attempt in sweeping.attempts(place) if attempt.status == "running"]


def wait_for(runner: subprocess.Popen[str], condition: Callable[[], object]) -> None:
    while not condition() and runner.poll() is None:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
