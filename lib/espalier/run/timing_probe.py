"""A short probe: a few trials started for real, watched for some epochs and stopped."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from espalier.core import strict_json
from espalier.core.trial import Record, Result, Status, Task, Trial
from espalier.run import cost_model
from espalier.run.cost_model import Cost, Shape
from espalier.run.pool import Executor
from espalier.run.worker_process import Event, Finished, Progress

ENOUGH = 5.0
"""Seconds from the end of a trial's first epoch for which it is watched."""
PATIENCE = 120.0
"""Seconds after which a trial without an epoch is given up."""


@dataclass(frozen=True)
class Probed:
    """The outcome of a probe: a cost for each trial it could time, a line for each it could not."""

    costs: list[Cost]
    problems: list[str]


@dataclass
class _Watch:
    """One trial under observation; `times` are when its epochs ended, seconds after the start."""

    trial: Trial
    folder: Path
    started: float
    times: list[float] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    @property
    def epoch(self) -> float:
        """Seconds an epoch takes; the first tells only if it is the only one."""
        first, last = self.times[0], self.times[-1]
        return (last - first) / (len(self.times) - 1) if len(self.times) > 1 else first

    def over(self, age: float) -> bool:
        """Whether there is nothing more to wait for."""
        return age - self.times[0] > ENOUGH if len(self.times) > 1 else age > PATIENCE


class TimingProbe:
    """Trials run side by side in every slot of an executor, as the sweep will run them."""

    def __init__(
        self,
        executor: Executor,
        settings: Mapping[str, str],
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`folder` is for what the trials write."""
        self._clock = clock
        self._executor, self._settings, self._folder = executor, dict(settings), folder
        self._watched: dict[int, _Watch] = {}
        self._warm: set[int] = set()  # slots whose worker has trained before
        self._todo: list[Trial] = []
        self._shapes: dict[str, Shape] = {}  # by trial id
        self._costs: list[Cost] = []
        self._problems: list[str] = []

    def run(self, trials: Sequence[Trial], shapes: Sequence[Shape]) -> Probed:
        """Watch each trial; slots left over run them again, since load makes all slower.

        A trial that ends by itself is run again in its worker, now warm, and that run counts; one
        that is stopped early tells nothing of starting and ending.
        """
        self._shapes = dict(zip((t.id for t in trials), shapes, strict=True))
        count = max(len(trials), len(self._executor.devices))
        self._todo = [trials[i % len(trials)] for i in range(count)]
        while self._todo or self._watched:
            for slot in self._executor.idle()[: len(self._todo)]:
                self._start(slot, self._todo.pop(0))
            for event in self._executor.wait(0.1):
                self._receive(event)
            for slot in [slot for slot in self._watched if self._over(slot)]:
                self._executor.kill(slot)
                self._warm.discard(slot)
                self._end(slot, ended=False)
        return Probed(self._costs, self._problems)

    def _start(self, slot: int, trial: Trial) -> None:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        self._watched[slot] = _Watch(trial, folder, self._clock())
        self._executor.submit(slot, Task.single(trial, self._settings, folder))

    def _receive(self, event: Event) -> None:
        watch = self._watched.get(event.slot)
        if watch is None:
            return
        if isinstance(event, Progress):
            self._record_epoch(watch, event.record)
        elif isinstance(event, Finished):
            self._finished(event.slot, watch, event.result)

    def _finished(self, slot: int, watch: _Watch, result: Result) -> None:
        if result.status is Status.PASSED and slot not in self._warm:
            self._warm.add(slot)
            self._todo.insert(0, watch.trial)  # its first trial is slower: that one is not counted
            del self._watched[slot]
        elif result.status is Status.PASSED:
            self._end(slot, ended=True)
        else:
            self._warm.discard(slot)  # a fresh worker is in its place
            del self._watched[slot]
            what = f"{result.status} ({result.reason}): {result.message}"
            self._problem(f"{watch.trial.name}: {what}")

    def _record_epoch(self, watch: _Watch, record: Record) -> None:
        if "epoch" in record:
            watch.times.append(self._age(watch))
            watch.records.append(record)

    def _end(self, slot: int, ended: bool) -> None:
        watch = self._watched.pop(slot)
        if watch.times:
            rest = self._age(watch) - len(watch.times) * watch.epoch if ended else 0.0
            self._costs.append(_cost(watch, self._shapes[watch.trial.id], max(0.0, rest)))
        else:
            self._problem(f"{watch.trial.name}: no epoch within {self._age(watch):.0f} s")

    def _age(self, watch: _Watch) -> float:
        return self._clock() - watch.started

    def _over(self, slot: int) -> bool:
        watch = self._watched[slot]
        return watch.over(self._age(watch))

    def _problem(self, line: str) -> None:
        if line not in self._problems:
            self._problems.append(line)


def _cost(watch: _Watch, shape: Shape, startup: float) -> Cost:
    records = [len(strict_json.encode(r)) + len(strict_json.pretty(r)) for r in watch.records]
    # its values are kept in the metrics and in the store
    fixed = cost_model.folder_size(watch.folder) + 2 * len(
        strict_json.encode(watch.trial.as_json())
    )
    return Cost(shape, startup, watch.epoch, fixed, sum(records) / len(records), "a probe")
