"""Packs on a GPU: trials a second for K = 1, 2, 4 ... against processes side by side.

    python benchmarks/packs_gpu.py [--minutes 11] [--most 512] [--only NAME ...] [--device cpu]

An MLP, LeNet-5 and a character-level transformer on random samples that lie on the device, trained
by the training loop in whole epochs, evaluation included. One trial at a time is K = 1 in one
process; 4 and 8 processes train one trial each, at the same time on the same GPU. Start-up and the
first epoch are left out everywhere. Packs are measured with CUDA graphs too, and with what the GPU
does meanwhile, if nvidia-ml-py is there. Cases share the minutes; what does not fit is left out and
noted. Without a GPU it says so and does nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import measuring
import torch
from measuring import Figure
from pack_cases import CASES, Epochs

from espalier.core.errors import UserError
from espalier.train.engine.gpu_trace import GpuTracing

PROCESSES = (4, 8)
SATURATED = 0.9  # of the largest rate
MEBI = 2**20
READY = 300  # seconds that processes have to get ready; one that fails must not hold up the others


def alone(name: str, trials: int, args: argparse.Namespace, graphs: bool = False) -> list[float]:
    """Seconds of each epoch of a pack in this process, after one that is not counted."""
    epoch = Epochs(name, trials, args, graphs)
    epoch()
    return [_timed(epoch) for _ in range(args.epochs)]


def _timed(work: Callable[[], object]) -> float:
    clock = time.perf_counter()
    work()
    return time.perf_counter() - clock


_barrier: Any = None


def _meet(barrier: Any) -> None:
    global _barrier
    _barrier = barrier


def _beside(name: str, trials: int, args: argparse.Namespace) -> tuple[float, float]:
    """When a process that trains beside others began and ended, once all were ready."""
    epoch = Epochs(name, trials, args)
    epoch()
    _barrier.wait(timeout=READY)
    began = time.time()
    for _ in range(args.epochs):
        epoch()
    return began, time.time()


def beside(name: str, processes: int, trials: int, args: argparse.Namespace) -> float:
    """Seconds an epoch of processes side by side, each with a pack of so many trials."""
    context = get_context("spawn")
    start = {"initializer": _meet, "initargs": (context.Barrier(processes),)}
    with ProcessPoolExecutor(processes, mp_context=context, **start) as pool:
        futures = [pool.submit(_beside, name, trials, args) for _ in range(processes)]
        began, ended = zip(*(future.result() for future in futures), strict=True)
    return (max(ended) - min(began)) / args.epochs


@dataclass
class Seen:
    """What a case showed: trials a second by K, MiB a trial by K, trials a second by processes."""

    rates: dict[int, list[float]]
    memory: dict[int, float]
    processes: dict[str, float]
    graphs: dict[int, list[float]]  # trials a second by K, with CUDA graphs
    device: dict[str, float]  # what it did while the best pack trained
    notes: list[str]

    @property
    def best(self) -> int:
        """The K with the largest rate."""
        return max(self.rates, key=lambda size: statistics.median(self.rates[size]))

    @property
    def saturated(self) -> int:
        """The smallest K that comes near it."""
        limit = SATURATED * statistics.median(self.rates[self.best])
        return min(k for k, rates in self.rates.items() if statistics.median(rates) >= limit)


def examine(name: str, args: argparse.Namespace, end: float) -> Seen:
    """Measure a case in every way there is time for until `end`, by the clock."""
    seen, case = Seen({}, {}, {}, {}, {}, []), CASES[name]
    length = case.epochs * case.updates / (args.updates or case.updates)  # of a trial, in epochs
    for size in _sizes(args.most):
        if _late(seen, f"{name} K={size}", end):
            break
        try:
            seconds, seen.memory[size] = _with_memory(lambda k=size: alone(name, k, args), args)
        except torch.OutOfMemoryError:
            seen.notes.append(f"{name}: out of memory at K={size}")
            break
        seen.rates[size] = [size / (elapsed * length) for elapsed in seconds]
        seen.memory[size] /= size
        measuring.say(f"{name} K={size}: {statistics.median(seen.rates[size]):.4g} trials/s")
    for size in dict.fromkeys((seen.saturated, seen.best)) if args.device != "cpu" else ():
        if size == 1 or _late(seen, f"{name} K={size} with graphs", end):
            continue
        try:
            seconds = alone(name, size, args, graphs=True)
        except RuntimeError as error:  # CUDA refuses to record something
            seen.notes.append(f"{name} K={size} with graphs: {str(error).splitlines()[0]}")
            continue
        seen.graphs[size] = [size / (elapsed * length) for elapsed in seconds]
        measuring.say(f"{name} K={size}, graphs: {seen.graphs[size]}")
    seen.device = watched(name, seen.best, args, length)
    several = [(2, seen.best // 2)] * (seen.best > 2)
    for processes, size in [(n, 1) for n in args.processes] + several:
        what = f"{processes} processes" + f" with packs of {size}" * (size > 1)
        if _late(seen, f"{name}, {what}", end):
            break
        seconds = beside(name, processes, size, args)
        seen.processes[what] = processes * size / (seconds * length)
        measuring.say(f"{name}, {what}: {seen.processes[what]:.4g} trials/s")
    seen.notes += profile(name, seen.saturated, args)
    return seen


def _late(seen: Seen, what: str, end: float) -> bool:
    """Whether the time is over; then a note says what is left out."""
    if not seen.rates or time.perf_counter() < end:
        return False
    seen.notes.append(f"{what}: left out, the minutes are over")
    return True


def watched(name: str, trials: int, args: argparse.Namespace, length: float) -> dict[str, float]:
    """What the GPU does while a pack trains; joules are a trial's. Empty if nobody can tell."""
    epoch = Epochs(name, trials, args)
    epoch()
    try:
        with GpuTracing(args.device != "cpu").follow(torch.device(args.device)) as trace:
            for _ in range(args.epochs):
                epoch()
            measures = trace.take() if trace else {}
    except UserError as error:
        measuring.say(str(error))
        return {}
    if "gpu_energy" in measures:
        measures["gpu_energy"] *= length / (trials * args.epochs)
    return measures


UNITS = {"gpu_use": "%", "gpu_memory": "MiB", "gpu_power": "W", "gpu_energy": "J a trial"}


def _sizes(largest: int) -> list[int]:
    return [2**power for power in range(largest.bit_length())]


def _with_memory(
    work: Callable[[], list[float]], args: argparse.Namespace
) -> tuple[list[float], float]:
    """What `work` returns, and the largest memory in MiB that tensors took on the GPU meanwhile."""
    if args.device == "cpu":
        return work(), 0.0
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return work(), torch.cuda.max_memory_allocated() / MEBI


def profile(name: str, trials: int, args: argparse.Namespace) -> list[str]:
    """What an epoch of a pack spends its time on, the ten largest items, as lines."""
    gpu = args.device != "cpu"
    epoch = Epochs(name, trials, args)
    epoch()
    kinds = [torch.profiler.ProfilerActivity.CPU]
    kinds += [torch.profiler.ProfilerActivity.CUDA] * gpu
    with torch.profiler.profile(activities=kinds) as profiler:
        wall = _timed(epoch)
    which = "self_device_time_total" if gpu else "self_cpu_time_total"
    spent = {str(event.key): float(getattr(event, which)) for event in profiler.key_averages()}
    busy = sum(spent.values())  # microseconds
    head = (
        f"{name}, K={trials}: {busy / wall / 1e4:.0f} % of a profiled epoch is in kernels; of that"
    )
    largest = sorted(spent.items(), key=lambda item: -item[1])[:10]
    return [head] + [f"{100 * time / busy:4.1f} % {what[:70]}" for what, time in largest]


def figures(name: str, seen: Seen) -> list[Figure]:
    single = statistics.median(seen.rates[1])
    rates = [Figure(f"{name}: K={k}", values, "trials/s") for k, values in seen.rates.items()]
    rates += [Figure(f"{name}: {what}", [v], "trials/s") for what, v in seen.processes.items()]
    best = seen.rates[seen.best]
    what = f"{name}: K={seen.best} against one at a time"
    gain = [Figure(what, [v / single for v in best], "x", CASES[name].goal)]
    gain += [
        Figure(f"{name}: K={seen.best} against {what}", [v / rate for v in best], "x")
        for what, rate in seen.processes.items()
    ]
    gain += [
        Figure(f"{name}: K={k}, graphs against none", _over(values, seen.rates[k]), "x")
        for k, values in seen.graphs.items()
    ]
    gain += [
        Figure(f"{name}: {what}, K={seen.best}", [value], UNITS[what])
        for what, value in seen.device.items()
    ]
    memory = [
        Figure(f"{name}: peak memory a trial, K={k}", [seen.memory[k]], "MiB")
        for k in (1, seen.saturated, seen.best)
        if seen.memory[k]
    ]
    return [*rates, *gain, Figure(f"{name}: saturates at K", [seen.saturated], ""), *memory]


def _over(values: Sequence[float], others: Sequence[float]) -> list[float]:
    middle = statistics.median(others)
    return [value / middle for value in values]


def main(argv: Sequence[str] | None = None) -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--most", type=int, default=512, help="largest K (default: 512)")
    parser.add_argument("--minutes", type=float, default=11, help="of all cases (default: 11)")
    parser.add_argument("--epochs", type=int, default=3, help="that are timed (default: 3)")
    parser.add_argument("--updates", type=int, default=0, help="an epoch (0: as the case has it)")
    parser.add_argument("--processes", type=int, nargs="*", default=PROCESSES)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    args = parser.parse_args(argv)
    if args.device == "cuda" and not torch.cuda.is_available():
        print(f"{args.program}: skipped, no NVIDIA GPU is visible")
        return 0
    by_case: dict[str, Seen] = {}
    for done, name in enumerate(args.only):
        left = measuring.BEGAN + 60 * args.minutes - time.perf_counter()
        end = time.perf_counter() + left / (len(args.only) - done)
        by_case[name] = examine(name, args, end)
    gpu = torch.cuda.get_device_name() if args.device == "cuda" else ""
    shown = [figure for name, seen in by_case.items() for figure in figures(name, seen)]
    lengths = [
        f"{n}: a trial is {c.epochs} epochs of {c.updates} updates"
        for n, c in CASES.items()
        if n in by_case
    ]
    notes = [note for seen in by_case.values() for note in seen.notes]
    measuring.tell(args, shown, lengths + notes, gpu)
    return 0


if __name__ == "__main__":
    sys.exit(main())
