"""Choose a pack size by measurement: how many trials of a shape are fastest as one program.

A few steps of one run are timed against a few steps of packs, in turn, so that what else the
machine does falls on both. The choice holds for this device and is kept between sweeps (see
`espalier.train.packs.pack_cache`), unless the machine was too busy for it to be trusted. Nothing
that is trained here is used.

The probe is bounded: it takes at most SHARE of the steps that each worker is to do, and is left
out where that is too little for a measurement.
"""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice, repeat

import torch
from torch import Tensor

from espalier.core.process.memory import WORKERS
from espalier.layers.folded import CannotPack
from espalier.train.data.splits import batches
from espalier.train.engine.device_memory import free_bytes
from espalier.train.engine.trainer import Trainer
from espalier.train.loop import Loop
from espalier.train.packs import pack_compatibility
from espalier.train.packs.pack_cache import PackChoice

SIZES = (4, 16, 64, 256)
WARM, TIMED = 3, 7  # steps before timing, and timed
SHARE = 0.03  # of the steps that a worker is to do
GAIN = 1.1  # how much faster than alone a pack must be to be chosen
WORSE = 1.25  # how much slower than a smaller pack one must be to end the search
NEAR = 1.03  # the smallest pack within this of the fastest is chosen: less is lost with it
HEADROOM = 0.8  # of the memory that is free on a GPU
QUIET = 0.8  # of the time of all steps that a thread must have had a processor for
STEADY = 1.5  # how much longer one run's step may take at one time of the probe than at another
LONG = 0.02
"""Seconds. Packing saves dispatch, well under a millisecond a step: of a longer step, nothing."""


def choose_pack_size(trainers: Iterator[Trainer], count: int) -> PackChoice | None:
    """Choose how many of `count` trials of one shape to train together.

    `trainers` gives fresh ones without end. None if there are too few steps for it to matter.
    """
    first, second = islice(trainers, 2)
    if why := pack_compatibility.why_alone(first):
        return PackChoice(1, why, {})
    if not pack_compatibility.same_structure(first, second):
        return PackChoice(1, "models of one shape differ in what cannot be compared", {})
    trials = math.ceil(count / int(os.environ.get(WORKERS, 1)))  # of each worker
    steps = SHARE * trials * first.run.total_steps
    if trials < 2 or steps < (WARM + TIMED) * (2 + candidate_sizes(trials)[0]):
        return None
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    alone = PackCandidate([first])
    seconds = step_seconds(alone)
    if seconds > LONG:
        why = f"a step takes {seconds * 1000:.0f} ms, packing saves less than one"
        return PackChoice(1, why, {}, doubt([alone]))
    same = (trainer for trainer in trainers if pack_compatibility.same_structure(first, trainer))
    choice = _fastest(alone, {1: seconds}, (same, trials), time.perf_counter() + steps * seconds)
    return choice if choice.why or len(choice.steps) > 1 else None


def candidate_sizes(limit: int) -> list[int]:
    """Return the sizes to try, up to and with `limit`, but none beyond the largest of SIZES."""
    limit = min(limit, SIZES[-1])
    return [*(size for size in SIZES if size <= 0.75 * limit), limit]


def _fastest(
    alone: PackCandidate, steps: dict[int, float], trials: tuple[Iterator[Trainer], int], end: float
) -> PackChoice:
    """Time packs of trainers, up to a limit: `trials` are both. `steps` has the time alone."""
    (trainers, limit), arms, error = trials, [alone], ""
    for size in candidate_sizes(limit):
        last = max(steps)
        longest = (WARM + TIMED) * (size * steps[last] + steps[1])  # if it is no faster
        if time.perf_counter() + longest > end or not _fits(size, last):
            break
        arms.append(PackCandidate(list(islice(trainers, size))))
        try:
            steps[size] = step_seconds(arms[-1], alone) / size
            steps[1] = min([steps[1], *alone.seconds[WARM:]])
        except (CannotPack, torch.OutOfMemoryError) as refusal:
            error = str(refusal)
            break
        finally:
            arms[-1].release()
        if steps[size] > WORSE * min(steps.values()):
            break
    return replace(_choice(steps, error), doubt="" if error else doubt(arms))


def _choice(steps: dict[int, float], error: str) -> PackChoice:
    best = min(steps.values())
    size = min(size for size, seconds in steps.items() if seconds <= NEAR * best)
    if size == 1 or steps[1] < GAIN * steps[size]:
        return PackChoice(1, error or _slower(steps), steps)
    return PackChoice(size, "", steps)


def _slower(steps: dict[int, float]) -> str:
    if len(steps) < 2:
        return ""
    together = min((seconds, size) for size, seconds in steps.items() if size > 1)
    return (
        f"a step of one trial takes {steps[1] * 1000:.2f} ms alone "
        f"and {together[0] * 1000:.2f} ms among {together[1]} on this device"
    )


class PackCandidate:
    """Trainers that are stepped together, and how long each step took.

    `seconds` are those of each step, and `held` says for how many of them this thread had a
    processor.
    """

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        self.trainers = trainers
        self.seconds: list[float] = []
        self.held: list[float] = []

    def step(self) -> float:
        """Do a step; return the time it took. Raises CannotPack."""
        seconds, held = _timed(self._loop, *next(self._batches))
        self.seconds.append(seconds)
        self.held.append(held)
        return seconds

    def release(self) -> None:
        """Forget the trainers, whose memory the next arm needs, and keep the times."""
        self.trainers = ()
        vars(self).pop("_loop", None)
        vars(self).pop("_batches", None)

    @functools.cached_property
    def _loop(self) -> Loop:
        return Loop(self.trainers)

    @functools.cached_property
    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        return _endless(self.trainers)


def step_seconds(arm: PackCandidate, beside: PackCandidate | None = None) -> float:
    """Return the least time of a step of an arm, doing one of `beside` after each.

    Raises CannotPack. Of steps that are LONG the second and the third are timed, and no more are
    taken.
    """
    times: list[float] = []
    for _ in range(WARM + TIMED):
        times.append(arm.step())
        if beside is not None:
            beside.step()
        if len(times) == 3 and min(times[1:]) > LONG * len(arm.trainers):
            return min(times[1:])
    return min(times[WARM:])  # what else the machine does only adds


def doubt(arms: Sequence[PackCandidate]) -> str:
    """Return why times are not to be trusted, in words; empty if they are.

    Either this thread waited for a processor, or a step of the first arm, which was timed all
    along, took longer at one time than at another.
    """
    seconds = sum(sum(arm.seconds[1:]) for arm in arms)  # the first may load and compile
    held = sum(sum(arm.held[1:]) for arm in arms)
    if held < QUIET * seconds:
        return f"this process had a processor for {100 * held / seconds:.0f} % of the time"
    alone = arms[0].seconds[WARM:]
    leasts = [min(alone[n : n + TIMED]) for n in range(0, len(alone) - TIMED + 1, TIMED)]
    if leasts and max(leasts) > STEADY * min(leasts):
        low, high = 1000 * min(leasts), 1000 * max(leasts)
        return f"the same step took {low:.2f} ms and then {high:.2f} ms"
    return ""


def _endless(trainers: Sequence[Trainer]) -> Iterator[tuple[Tensor, Tensor]]:
    runs = [trainer.run for trainer in trainers]
    for run in runs:
        run.model.train()
    return chain.from_iterable(batches(runs) for _ in repeat(None))


def _timed(loop: Loop, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Return the seconds of a step, and of how many of them this thread had a processor.

    On a GPU the thread may well sleep while it waits: there it counts as if it had not.
    """
    _wait(x.device)
    started, held = time.perf_counter(), time.thread_time()
    loop.step(x, y)
    _wait(x.device)
    seconds, held = time.perf_counter() - started, time.thread_time() - held
    return seconds, held if x.device.type == "cpu" else seconds


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _fits(size: int, last: int) -> bool:
    """Return whether a pack fits, going by what one of `last` trials took.

    Into this worker's part of the memory that is free on its device.
    """
    if not torch.cuda.is_available():
        return True
    room = free_bytes(torch.device("cuda", torch.cuda.current_device()))
    taken = torch.cuda.max_memory_allocated() - torch.cuda.memory_allocated()
    return taken * size / last < HEADROOM * room
