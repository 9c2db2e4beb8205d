"""Batches taken in parts, because a step of the whole would not fit: the update stays the same.

The gradients of the parts add up to those of the mean over the whole batch, so a run differs from
one with whole batches by rounding only. Where it would not (samples that see each other, random
numbers drawn in the forward pass) it is refused.

How much a step takes is measured, on a spare copy of the run that is thrown away: real steps of
more and more samples, twice as many each time while that must fit, then as many as the line
through the last two says. Every number of samples that is chosen has been tried.
On a CPU what torch allocates is counted, and a quarter is added for what it does not say.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.profiler import profile

from espalier.core import memory
from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.train.data.splits import batches
from espalier.train.engine.trainer import Trainer
from espalier.train.loop import Loop

AUTO = -1
FREE_SHARE = 0.9  # of what is free; the rest is for what a measurement misses
UNCOUNTED = 1.25
"""What a step takes of a CPU's memory for each byte that is counted.

The process grew 1.02 times as much with a perceptron of 4096 units and 1.22 times with a
transformer over 512 windows: scratch memory of kernels, and heaps with holes.
"""
CLOSE = 1e-4  # how near the outputs of parts must be to those of the whole, by the largest


class StepMemory(NamedTuple):
    """Bytes that a step takes: those still held after it, and its most on top of them."""

    kept: int
    passing: int


MeasureStep = Callable[[int], StepMemory]
"""Takes a step with parts of so many samples; raises torch.OutOfMemoryError or MemoryError."""


@kconfig_dataclass
class MicroBatchPlan:
    """The most samples that are computed with at once; 0: all of a batch, -1: what fits."""

    most: int = symbol("MICRO_BATCH")

    def size(self, spare: Trainer) -> int:
        """So many samples at once for runs like `spare`, which is used up; 0: whole batches.

        Raises CannotTrain if parts would not do the same as the whole, or one sample is too much.
        """
        x, y = max(batches([spare.run]), key=lambda batch: len(batch[1]))
        size = self.most if self.most != AUTO else _measured(spare, x, y)
        if size >= len(y):
            return 0
        check_separable(spare, x[:4], size)
        return size


def _measured(spare: Trainer, x: Tensor, y: Tensor) -> int:
    room = int(FREE_SHARE * free_bytes(x.device) / (1 if x.device.type == "cuda" else UNCOUNTED))
    step = _stepping(spare, x, y)
    _tried(step, 1)  # the first makes the optimizer's state, after what takes the most
    size = search_largest_size(step, room, len(y))
    if size == 0:
        raise CannotTrain(
            "memory",
            f"CONFIG_MICRO_BATCH={AUTO}: a step with one sample takes more than the "
            f"{room / 1e6:.0f} MB that are free; choose a smaller model or fewer trials at a time",
        )
    return size


def free_bytes(device: torch.device) -> int:
    """Bytes that a trial can take on `device`: what is free, divided by those that share it."""
    if device.type == "cuda":
        reserved = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        found = torch.cuda.mem_get_info(device)[0] + reserved
    else:
        found = memory.available()
    return found // int(os.environ.get(memory.SHARERS, "1"))


def search_largest_size(step: MeasureStep, room: int, batch: int) -> int:
    """The most samples, up to `batch`, with which a step takes at most `room` bytes; 0: none.

    Every number that is returned has been tried.
    """
    found: dict[int, StepMemory] = {}
    size, failed = 1, batch + 1
    while size > max(found, default=0):
        taken = _tried(step, size)
        if taken is None or sum(taken) > room:
            failed = size
        else:
            found[size] = taken
        size = _half_way(found, failed) if failed <= batch else _next(found, room, batch)
    return max(found, default=0)


def _tried(step: MeasureStep, size: int) -> StepMemory | None:
    try:
        return step(size)
    except (torch.OutOfMemoryError, MemoryError):
        return None


def _half_way(found: dict[int, StepMemory], failed: int) -> int:
    """Between what fits and what does not, until they are an eighth apart."""
    last = max(found, default=0)
    return (last + failed) // 2 if failed - last > last / 8 else 0


def _next(found: dict[int, StepMemory], room: int, batch: int) -> int:
    """Twice as many while that fits for certain, then as many as the last two sizes say.

    What passes is at most proportional to the samples: the larger of what weights need and of
    what samples need. So it at most doubles. A line is not to be trusted far: with few samples
    the weights decide, and more samples seem to cost nothing. Two samples are tried in any case.
    """
    *before, last = sorted(found)
    ahead = min(2 * last, batch)
    if not before or found[last].kept + found[last].passing * ahead / last <= room:
        return ahead
    slope = (sum(found[last]) - sum(found[before[-1]])) / (last - before[-1])
    more = (room - sum(found[last])) / slope if slope > 0 else math.inf
    return int(min(last + more, ahead))


def _stepping(spare: Trainer, x: Tensor, y: Tensor) -> MeasureStep:
    """Steps of two parts each, for gradients to add up as they will, and of parts alone."""
    plain = replace(spare, recipe=replace(spare.recipe, compile=False))
    plain.run.model.train()
    meter = _OnGpu(x.device) if x.device.type == "cuda" else _OnCpu()

    def step(size: int) -> StepMemory:
        loop = Loop([replace(plain, micro_batch=size)])
        return meter.measure(lambda: loop.step(x[: 2 * size], y[: 2 * size]))

    return step


class _OnGpu:
    """What the device's allocator says."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._base = device, torch.cuda.memory_allocated(device)

    def measure(self, act: Callable[[], Any]) -> StepMemory:
        torch.cuda.reset_peak_memory_stats(self._device)
        act()
        kept = torch.cuda.memory_allocated(self._device) - self._base
        return StepMemory(kept, torch.cuda.max_memory_allocated(self._device) - self._base - kept)


class _OnCpu:
    """What torch's allocator handed out and took back."""

    def __init__(self) -> None:
        self._held = 0

    def measure(self, act: Callable[[], Any]) -> StepMemory:
        with profile(profile_memory=True) as seen:
            act()
        most = now = self._held
        for size in _allocations(seen):
            now += size
            most = max(most, now)
        self._held = now
        return StepMemory(now, most - now)


def _allocations(seen: profile) -> list[int]:
    """Bytes of each allocation, negative where one ends, in order."""
    events: list[Any] = seen.kineto_results.events() if seen.kineto_results else []
    found = [event for event in events if event.name() == "[memory]"]
    return [event.nbytes() for event in sorted(found, key=lambda event: event.start_ns())]


@torch.no_grad()
def check_separable(spare: Trainer, x: Tensor, size: int) -> None:
    """Raise CannotTrain unless samples x (n, ...) in parts give what they give together."""
    model = spare.run.model.train()
    buffers, drawn = [b.clone() for b in model.buffers()], _random_states(x.device)
    whole = model(x)
    trouble = ""
    if any(map(_differ, drawn, _random_states(x.device))):
        trouble = "draws random numbers (dropout), which would be others"
    elif any(map(_differ, buffers, model.buffers())) or _far(whole, [model(p) for p in x.chunk(2)]):
        trouble = "lets the samples of a batch see each other (batch normalisation)"
    if trouble:
        raise CannotTrain(
            "micro_batch",
            f"CONFIG_MICRO_BATCH: parts of {size} samples do not train like whole batches, the "
            f"model {trouble}; set CONFIG_MICRO_BATCH=0, or CONFIG_BATCH_SIZE={size}",
        )


def _random_states(device: torch.device) -> list[Tensor]:
    on_gpu = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [torch.get_rng_state(), *on_gpu]


def _differ(one: Tensor, other: Tensor) -> bool:
    return not torch.equal(one, other)


def _far(whole: Tensor, parts: list[Tensor]) -> bool:
    gap = (whole - torch.cat(parts)).abs().max()
    return bool(gap > CLOSE * whole.abs().max())
