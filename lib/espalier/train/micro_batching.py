"""Micro batches: a batch in parts, where a step of the whole would not fit in memory.

The gradients of the parts add up to those of the mean over the whole batch, so a run differs from
one with whole batches by rounding only. Batch normalisation takes the statistics of the whole batch
(`espalier.train.norms.norm_in_parts`). Models that would differ by more (samples that see each
other in another way, random numbers drawn in the forward pass) are refused.

The memory of a step is measured on a spare copy of the run: real steps of more and more samples,
twice as many each time while that must fit, then as many as the line through the last two says.
Every size that is chosen has been tried. On a CPU torch's allocations are counted, and a quarter is
added for other memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.profiler import profile

from espalier.core.component import symbol
from espalier.core.errors import UserError
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.train.data.splits import batches
from espalier.train.engine.device_memory import free_bytes
from espalier.train.engine.seeds import global_states
from espalier.train.engine.trainer import Trainer
from espalier.train.loop import Loop
from espalier.train.norms.norm_calls import batch_norms, why_not_whole
from espalier.train.norms.norm_in_parts import NormsInParts

AUTO = -1
FREE_SHARE = 0.9  # of what is free; the rest is for what a measurement misses
UNCOUNTED = 1.25
"""A CPU's memory that a step takes for each byte that is counted.

The process grew 1.02 times as much with a perceptron of 4096 units and 1.22 times with a
transformer over 512 windows: scratch memory of kernels, and heaps with holes.
"""
CLOSE = 1e-4  # largest difference of the outputs of parts, relative to the largest output


class StepMemory(NamedTuple):
    """Bytes of a step: those still allocated after it, and its peak on top of them."""

    kept: int
    transient: int


MeasureStep = Callable[[int], StepMemory]
"""Measures a step with parts of so many samples; raises torch.OutOfMemoryError or MemoryError."""


@kconfig_dataclass
class MicroBatchPlan:
    """The largest micro batch, in samples; 0: the whole batch, -1: what fits."""

    limit: int = symbol("MICRO_BATCH")

    def choose_size(self, spare: Trainer) -> int:
        """Return the micro batch of runs like `spare`, which is consumed; 0: whole batches.

        Raises UserError if parts would not train like the whole, or one sample does not fit: with
        another limit, which is no part of its identity, the trial can be trained.
        """
        x, y = max(batches([spare.run]), key=lambda batch: len(batch[1]))
        if len(y) < 2 or self.limit >= len(y):
            return 0
        check_separable(spare, x[:4], self.limit)  # before a step with one sample is tried
        size = self.limit if self.limit != AUTO else _largest_that_fits(spare, x, y)
        return size if size < len(y) else 0


def _largest_that_fits(spare: Trainer, x: Tensor, y: Tensor) -> int:
    room = int(FREE_SHARE * free_bytes(x.device) / (1 if x.device.type == "cuda" else UNCOUNTED))
    step = make_step(spare, x, y)
    _try(step, 1)  # the first step makes the optimizer's state, after its peak
    size = search_largest_size(step, room, len(y))
    if size == 0:
        raise UserError(
            f"CONFIG_MICRO_BATCH={AUTO}: a step with one sample takes more than the "
            f"{room / 1e6:.0f} MB that are free; choose a smaller model or fewer trials at a time",
        )
    return size


def search_largest_size(step: MeasureStep, room: int, batch: int) -> int:
    """Return the largest size up to `batch` whose step takes at most `room` bytes; 0: none.

    Every size that is returned has been tried.
    """
    fitting: dict[int, StepMemory] = {}
    size, failed = 1, batch + 1
    while size > max(fitting, default=0):
        used = _try(step, size)
        if used is None or sum(used) > room:
            failed = size
        else:
            fitting[size] = used
        size = _bisect(fitting, failed) if failed <= batch else _extrapolate(fitting, room, batch)
    return max(fitting, default=0)


def _try(step: MeasureStep, size: int) -> StepMemory | None:
    try:
        return step(size)
    except (torch.OutOfMemoryError, MemoryError):
        return None


def _bisect(fitting: dict[int, StepMemory], failed: int) -> int:
    """Return a size between the largest that fits and `failed`; 0 if they are near enough."""
    last = max(fitting, default=0)
    return (last + failed) // 2 if failed - last > last / 8 else 0


def _extrapolate(fitting: dict[int, StepMemory], room: int, batch: int) -> int:
    """Return twice the size while that fits for certain, then what the last two sizes predict.

    Transient memory is at most proportional to the samples: it is the larger of what weights need
    and of what samples need. So it at most doubles. A line is not to be trusted far: with few
    samples the weights decide, and more samples seem to cost nothing. Two are tried in any case.
    """
    *before, last = sorted(fitting)
    ahead = min(2 * last, batch)
    if not before or fitting[last].kept + fitting[last].transient * ahead / last <= room:
        return ahead
    slope = (sum(fitting[last]) - sum(fitting[before[-1]])) / (last - before[-1])
    more = (room - sum(fitting[last])) / slope if slope > 0 else math.inf
    return int(min(last + more, ahead))


def make_step(spare: Trainer, x: Tensor, y: Tensor) -> MeasureStep:
    """Return a measured step of two parts, so that gradients add up as in training."""
    plain = replace(spare, recipe=replace(spare.recipe, compile=False))
    plain.run.model.train()
    meter = _OnGpu(x.device) if x.device.type == "cuda" else _OnCpu()

    def step(size: int) -> StepMemory:
        loop = Loop([replace(plain, micro_batch=size)])
        return meter.measure(lambda: loop.step(x[: 2 * size], y[: 2 * size]))

    return step


class _OnGpu:
    """Measures by the device's allocator."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._base = device, torch.cuda.memory_allocated(device)

    def measure(self, act: Callable[[], Any]) -> StepMemory:
        torch.cuda.reset_peak_memory_stats(self._device)
        act()
        kept = torch.cuda.memory_allocated(self._device) - self._base
        return StepMemory(kept, torch.cuda.max_memory_allocated(self._device) - self._base - kept)


class _OnCpu:
    """Measures by the allocations and releases that torch's profiler records."""

    def __init__(self) -> None:
        self._held = 0

    def measure(self, act: Callable[[], Any]) -> StepMemory:
        with profile(profile_memory=True) as recorded:
            act()
        peak = now = self._held
        for size in _allocations(recorded):
            now += size
            peak = max(peak, now)
        self._held = now
        return StepMemory(now, peak - now)


def _allocations(recorded: profile) -> list[int]:
    """Return the bytes of each allocation, negative for a release, in order."""
    results = recorded.kineto_results
    events: list[Any] = [e for e in results.events() if e.name() == "[memory]"] if results else []
    return [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]


@torch.no_grad()
def check_separable(spare: Trainer, x: Tensor, size: int) -> None:
    """Raise UserError unless samples x (n, ...) give the same outputs in parts as together.

    `size` is the limit that was set.
    """
    model = spare.run.model.train()
    if why := why_not_whole(model, spare.recipe.compile):
        raise UserError(f"CONFIG_MICRO_BATCH={size}: {why}, or CONFIG_MICRO_BATCH=0")
    before, drawn = [b.clone() for b in model.buffers()], global_states(x.device)
    whole = [model(x), *(b.clone() for b in model.buffers())]
    for buffer, value in zip(model.buffers(), before, strict=True):
        buffer.copy_(value)
    trouble = ""
    if not all(map(torch.equal, drawn, global_states(x.device))):
        trouble = "draws random numbers (dropout), which would be others"
    elif any(map(_far, whole, [_run_parts(model, x.chunk(2)), *model.buffers()])):
        trouble = "lets the samples of a batch see each other, or keeps numbers of what it has seen"
    if trouble:
        parts = "" if size == AUTO else f" of {size} samples"
        smaller = "a smaller CONFIG_BATCH_SIZE" if size == AUTO else f"CONFIG_BATCH_SIZE={size}"
        raise UserError(
            f"CONFIG_MICRO_BATCH: parts{parts} do not train like whole batches, the model "
            f"{trouble}; set CONFIG_MICRO_BATCH=0, or {smaller}",
        )


def _run_parts(model: nn.Module, parts: Sequence[Tensor]) -> Tensor:
    """Return the outputs of all parts, normalised as in training."""
    norms, outputs = NormsInParts(batch_norms(model), model), []
    norms.measure(parts)
    for part in parts:
        with norms.whole_batch():
            outputs.append(model(part))
    return torch.cat(outputs)


def _far(whole: Tensor, in_parts: Tensor) -> bool:
    """Return whether two tensors of one shape differ by more than rounding."""
    if not whole.numel():
        return False
    a, b = whole.double(), in_parts.double()
    return bool((a - b).abs().max() > CLOSE * a.abs().max())
