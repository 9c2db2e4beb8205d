"""Whether a sweep of 50,000 trials that do nothing stays as fast as it began, its report included.

    .venv/bin/python benchmarks/many_trials.py [--trials 50000] [--workers 2]

The sweep is a real one: warm worker processes, two durable states a trial in SQLite, a folder with
its files for each, plain progress lines, the reports at the end. What is not a trial's own is
measured too: the time before the first trial, the end with its reports, and what `sweep-status`
and a run that finds nothing to do take afterwards.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import measuring
from harness_overhead import noop_sweep
from measuring import Figure

from espalier.run import launch
from espalier.run.launch import LaunchRequest
from espalier.run.status_text import status_lines
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

GOAL = "<= 2"  # ms a trial


@dataclass(frozen=True)
class Moments:
    """When a sweep was begun, its trials began and ended, and it was over (seconds since 1970)."""

    begun: float
    starts: Sequence[float]
    ends: Sequence[float]
    over: float


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--trials", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    with tempfile.TemporaryDirectory() as place:
        request = noop_sweep(Path(place), args.trials, args.workers)
        moments = run(request)
        again = replace(request, new=False)
        idle = seconds(lambda: launch.run(again))
        status = seconds(lambda: list(status_lines(sweeps(Path(place))[0])))
    figures = [*of_trials(moments), Figure("a run that finds nothing to do", [idle], "s")]
    measuring.tell(args, [*figures, Figure("sweep-status", [status], "s")])


def run(request: LaunchRequest) -> Moments:
    """Run a sweep; its moments, from its own store."""
    begun = time.time()
    seconds(lambda: launch.run(request))
    over = time.time()
    with Store.open(sweeps(request.results)[0] / STORE, readonly=True) as store:
        attempts = store.attempts()
    starts = sorted(attempt.started for attempt in attempts)
    ends = sorted(attempt.finished or over for attempt in attempts)
    assert len(ends) == len(request.trials), "a trial did not end"
    return Moments(begun, starts, ends, over)


def seconds(work: Callable[[], object]) -> float:
    """The seconds that work takes, whatever it prints."""
    begun = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        work()
    return time.perf_counter() - begun


def of_trials(moments: Moments) -> list[Figure]:
    """Milliseconds a trial: of the first tenth, of the last, and of the whole with its reports."""
    starts, ends, count = moments.starts, moments.ends, len(moments.ends)
    tenth = count // 10
    first = (ends[tenth - 1] - starts[0]) / tenth
    last = (ends[-1] - ends[-tenth - 1]) / tenth
    whole = (moments.over - moments.begun) / count
    return [
        Figure(f"the first {tenth:,}", [1000 * first], "ms a trial", GOAL),
        Figure(f"the last {tenth:,}", [1000 * last], "ms a trial", GOAL),
        Figure("all, from the start to the reports", [1000 * whole], "ms a trial", GOAL),
        Figure("before the first trial", [starts[0] - moments.begun], "s"),
        Figure("after the last: the reports", [moments.over - ends[-1]], "s"),
    ]


if __name__ == "__main__":
    main()
