"""What a sweep of fake trials has come to, while it runs and afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from fake_sweep import trial

from espalier.core.trial import Record, Trial
from espalier.store.attempt import Attempt
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store


def opened(results: Path) -> Store:
    return Store.open(sweeps(results)[0] / STORE, readonly=True)


def attempts(results: Path) -> list[Attempt]:
    with opened(results) as store:
        return store.attempts()


def summary(results: Path) -> list[Record]:
    """sweep_summary.json without what a kill may change: how often a trial was tried."""
    records = json.loads((sweeps(results)[0] / "sweep_summary.json").read_text(encoding="utf-8"))
    changing = ("attempts", "message")  # a message names the folder of the sweep
    return [{k: v for k, v in record.items() if k not in changing} for record in records]


def tried(results: Path) -> list[tuple[int, str, str]]:
    return [(attempt.trial, attempt.status, attempt.reason) for attempt in attempts(results)]


def many(marks: Path) -> list[Trial]:
    """Trials of every kind, each of which takes a moment and notes when it ended."""
    acts = ["pass", "diverge", "crash"] + ["pass"] * 17
    common = {"SECONDS": "0.03", "ENDS": str(marks)}
    return [trial(n, act, **common) for n, act in enumerate(acts, 1)]


def wait_for_new_attempt(results: Path, process: subprocess.Popen[str]) -> None:
    """Until this runner has started a trial: an attempt younger than the process."""
    count = len(attempts(results)) if sweeps(results) else 0
    until(lambda: any(results.glob(f"sweep_*/{STORE}")) and len(attempts(results)) > count)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def finished(results: Path) -> dict[int, str]:
    """The trials that have ended for good, with their states."""
    if not sweeps(results):
        return {}
    with opened(results) as store:
        return {n: state for n, state in store.states().items() if state in ("passed", "failed")}


def running(results: Path) -> list[Attempt]:
    """The attempts that are open right now."""
    tries = attempts(results) if sweeps(results) else []
    return [attempt for attempt in tries if attempt.status == "running"]


def heeds(process: int) -> bool:
    """Whether a process has come to the line that installs handlers of signals."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return False
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)
