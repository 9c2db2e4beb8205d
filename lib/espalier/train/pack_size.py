"""Choose a pack size by measurement: how many trials of a shape are fastest as one program.

A few steps of one run are timed against a few steps of packs. The choice holds for this device and
is kept between sweeps (see `espalier.train.packs.pack_cache`). Nothing that is trained here is
used.

The probe is bounded: it takes at most SHARE of the steps that each worker is to do, and is left
out where that is too little for a measurement.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Sequence
from itertools import chain, islice, repeat

import torch
from torch import Tensor

from espalier.core.memory import WORKERS
from espalier.layers.folded import CannotPack
from espalier.train.data.splits import batches
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
    if trials < 2 or steps < (WARM + TIMED) * (1 + candidate_sizes(trials)[0]):
        return None
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    alone = step_seconds([first])
    if alone > LONG:
        return PackChoice(1, f"a step takes {alone * 1000:.0f} ms, packing saves less than one", {})
    same = (trainer for trainer in trainers if pack_compatibility.same_structure(first, trainer))
    choice = _fastest({1: alone}, same, trials, time.perf_counter() + steps * alone)
    return choice if choice.why or len(choice.steps) > 1 else None


def candidate_sizes(limit: int) -> list[int]:
    """Return the sizes to try, up to and with `limit`, but none beyond the largest of SIZES."""
    limit = min(limit, SIZES[-1])
    return [*(size for size in SIZES if size <= 0.75 * limit), limit]


def _fastest(
    steps: dict[int, float], trainers: Iterator[Trainer], limit: int, end: float
) -> PackChoice:
    for size in candidate_sizes(limit):
        last = max(steps)
        longest = (WARM + TIMED) * size * steps[last]  # if it is no faster
        if time.perf_counter() + longest > end or not _fits(size, last):
            break
        try:
            steps[size] = step_seconds(list(islice(trainers, size))) / size
        except (CannotPack, torch.OutOfMemoryError) as error:
            return _choice(steps, str(error))
        if steps[size] > WORSE * min(steps.values()):
            break
    return _choice(steps, "")


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


def step_seconds(trainers: Sequence[Trainer]) -> float:
    """Return the least time of a step of all the trainers together. Raises CannotPack.

    Of steps that are LONG the second and the third are timed, and no more are taken.
    """
    loop, times = Loop(trainers), []
    for x, y in islice(_endless(trainers), WARM + TIMED):
        times.append(_timed(loop, x, y))
        if len(times) == 3 and min(times[1:]) > LONG * len(trainers):
            return min(times[1:])
    return min(times[WARM:])  # what else the machine does only adds


def _endless(trainers: Sequence[Trainer]) -> Iterator[tuple[Tensor, Tensor]]:
    runs = [trainer.run for trainer in trainers]
    for run in runs:
        run.model.train()
    return chain.from_iterable(batches(runs) for _ in repeat(None))


def _timed(loop: Loop, x: Tensor, y: Tensor) -> float:
    _wait(x.device)
    started = time.perf_counter()
    loop.step(x, y)
    _wait(x.device)
    return time.perf_counter() - started


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _fits(size: int, last: int) -> bool:
    """Return whether the device's memory holds a pack, going by what one of `last` trials took."""
    if not torch.cuda.is_available():
        return True
    free, _ = torch.cuda.mem_get_info()
    room = free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    taken = torch.cuda.max_memory_allocated() - torch.cuda.memory_allocated()
    return taken * size / last < HEADROOM * room
