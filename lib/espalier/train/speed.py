"""Measure how fast trials train here, by training them for a few seconds.

What is timed is the run itself, with its validation, its method and its files. Where not even an
epoch fits into the time, steps are timed and an epoch is made up of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice, pairwise
from statistics import fmean

import torch

from espalier.core.contracts import CannotTrain
from espalier.core.errors import UserError
from espalier.core.trial import Record, Result, Status, Task
from espalier.layers.folded import CannotPack
from espalier.train.building.random_samples import STAND_IN
from espalier.train.data.splits import batches
from espalier.train.engine.trainer import Trainer
from espalier.train.loop import Loop

SECONDS = "MEASURE_SECONDS"
"""The setting that says how long a measurement may take."""
WARM = 2  # steps that are not counted: memory is being found
LEAST = 3  # steps that are, at least
BACKWARD = 2.0
"""A backward pass takes about twice as long as a forward pass, which is all that validation is."""

Prepare = Callable[[Task], Trainer]
TrainPack = Callable[[Sequence[Task], Callable[[int, Record], None]], Iterator[tuple[int, Result]]]


class _EnoughError(Exception):
    """The time is up."""


@dataclass
class _Clock:
    """When the first of several trials ended each epoch, in seconds after the start."""

    limit: float
    started: float = 0.0
    ends: list[float] | None = None

    def start(self) -> None:
        self.started, self.ends = time.perf_counter(), []

    @property
    def now(self) -> float:
        return time.perf_counter() - self.started

    def emit(self, index: int, record: Record) -> None:
        """Note an epoch; end the run if there is no time for another one."""
        assert self.ends is not None
        if index == 0:
            self.ends.append(self.now)
        if self.now > self.limit:
            raise _EnoughError


def measure(tasks: Sequence[Task], prepare: Prepare, train_pack: TrainPack) -> Result:
    """Return how long the trials of `tasks`, trained as one program, take.

    The measures are `startup` and `finish`, the seconds before the first epoch and after the last,
    `whole` if the run was trained to its end, and `random` if the samples were made up because
    those of the data set are not here. The history has the `seconds` of each epoch of all of them.
    """
    limit = float(tasks[0].settings[SECONDS])
    tasks = [_offline(task) for task in tasks]
    try:
        prepare(tasks[0])
    except UserError as error:
        tasks = [replace(task, settings={**task.settings, STAND_IN: "y"}) for task in tasks]
        _require(prepare, tasks[0], error)
    except CannotTrain as error:
        return Result(Status.FAILED, error.reason, str(error))
    made_up = STAND_IN in tasks[0].settings
    result = _measured(tasks, prepare, train_pack, limit)
    return replace(result, measures={**result.measures, "random": made_up})


def _offline(task: Task) -> Task:
    """Return the task without downloads, which would be timed."""
    return replace(task, settings={**task.settings, "DOWNLOAD": "n"})


def _require(prepare: Prepare, task: Task, missing: UserError) -> None:
    try:
        prepare(task)
    except UserError:  # there is nothing in its place either
        raise missing from None


def _measured(
    tasks: Sequence[Task], prepare: Prepare, train_pack: TrainPack, limit: float
) -> Result:
    begun = time.perf_counter()
    ready = dict(_ready(prepare, tasks))
    startup = time.perf_counter() - begun
    tasks, trainers = [tasks[index] for index in ready], list(ready.values())
    run = trainers[0].run
    try:
        steps = time_steps(trainers, limit / 3)
    except CannotPack:
        return _measured(tasks[:1], prepare, train_pack, limit)
    parts = _parts(trainers[0], fmean(steps))
    del trainers, ready
    if parts.epoch < limit / 2:
        return _time_run(tasks, train_pack, _Clock(limit), parts.finish)
    low, high = min(steps) / fmean(steps), _mean_of_slower_half(steps) / fmean(steps)
    history: list[Record] = [{"seconds": parts.epoch * factor} for factor in (low, 1.0, high)]
    return _result(startup, parts.finish, history, len(tasks), run.epochs)


def _ready(prepare: Prepare, tasks: Sequence[Task]) -> Iterator[tuple[int, Trainer]]:
    """Yield the trainers of those trials that can be trained."""
    for index, task in enumerate(tasks):
        with suppress(CannotTrain):
            yield index, prepare(task)


def _mean_of_slower_half(steps: Sequence[float]) -> float:
    """Return the mean of the slower half: of single steps the slowest says nothing."""
    return fmean(sorted(steps)[len(steps) // 2 :])


@dataclass(frozen=True)
class _Parts:
    """Seconds of an epoch and of what follows the last, made up of steps."""

    epoch: float
    finish: float


def _parts(trainer: Trainer, step: float) -> _Parts:
    """Return what so many samples take if a step takes so long."""
    run = trainer.run
    forward = step / (1 + BACKWARD) / run.batch_size  # of a sample
    validation, training = forward * len(run.validation), forward * len(run.train)
    return _Parts(step * run.steps_per_epoch + validation, training + validation)


def epoch_of(trainer: Trainer, step: float) -> float:
    """Return the seconds of an epoch with its validation if a step takes so long."""
    return _parts(trainer, step).epoch


def time_steps(trainers: Sequence[Trainer], seconds: float) -> list[float]:
    """Return the seconds of each step of all the trainers together. Raises CannotPack."""
    loop, times = Loop(trainers), list[float]()
    runs = [trainer.run for trainer in trainers]
    for run in runs:
        run.model.train()
    end = time.perf_counter() + seconds
    updates = max(WARM + LEAST, runs[0].steps_per_epoch)
    endless = chain.from_iterable(batches(runs) for _ in range(updates))
    for x, y in islice(endless, updates):
        if len(times) >= WARM + LEAST and time.perf_counter() > end:
            break
        times.append(_timed(loop, x, y))
    return times[WARM:]


def _timed(loop: Loop, x: torch.Tensor, y: torch.Tensor) -> float:
    _wait(x.device)
    started = time.perf_counter()
    loop.step(x, y)
    _wait(x.device)
    return time.perf_counter() - started


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _time_run(tasks: Sequence[Task], train_pack: TrainPack, clock: _Clock, finish: float) -> Result:
    """Train until the time is up."""
    whole = False
    clock.start()
    try:
        results = [result for _, result in train_pack(tasks, clock.emit)]
        whole = True
    except _EnoughError:
        results = []
    total, ends = clock.now, clock.ends or []
    refused = [result for result in results if result.status is not Status.PASSED]
    if refused and not ends:
        return refused[0]
    epochs = [after - before for before, after in pairwise(ends)] or ends
    startup = max(0.0, ends[0] - fmean(epochs))
    finish = max(0.0, total - ends[-1]) if whole else finish
    history: list[Record] = [{"seconds": seconds} for seconds in epochs]
    result = _result(startup, finish, history, len(tasks), len(ends))
    return replace(result, measures={**result.measures, "whole": whole})


def _result(
    startup: float, finish: float, history: list[Record], trials: int, epochs: int
) -> Result:
    measures = {
        "startup": startup,
        "finish": finish,
        "trials": trials,
        "epochs": epochs,
        "whole": False,
    }
    return Result(Status.PASSED, measures=measures, history=history)
