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
from dataclasses import dataclass

import measuring
import torch
from measuring import Figure
from pack_cases import CASES, Epochs, alone, beside, timed

from espalier.core.errors import UserError
from espalier.train.engine.gpu_trace import GpuTracing

PROCESSES = (4, 8)
SATURATED = 0.9  # of the largest rate
MEBI = 2**20


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


@dataclass
class Examination:
    """A case that is measured until `end`, by the clock; `length` is a trial's, in epochs."""

    name: str
    args: argparse.Namespace
    end: float
    length: float
    seen: Seen

    def measure_packs(self) -> None:
        """Measure packs of more and more trials, as far as memory and time go."""
        for size in _sizes(self.args.most):
            if self._late(f"{self.name} K={size}") or not self._measure_pack(size):
                return
            rate = statistics.median(self.seen.rates[size])
            measuring.say(f"{self.name} K={size}: {rate:.4g} trials/s")

    def _measure_pack(self, size: int) -> bool:
        """Measure packs of a size; return whether memory holds them."""
        try:
            seconds, memory = _with_memory(lambda: alone(self.name, size, self.args), self.args)
        except torch.OutOfMemoryError:
            self.seen.notes.append(f"{self.name}: out of memory at K={size}")
            return False
        self.seen.memory[size] = memory / size
        self.seen.rates[size] = self._rates(size, seconds)
        return True

    def measure_graphs(self) -> None:
        """Measure the packs that matter most with CUDA graphs."""
        for size in dict.fromkeys((self.seen.saturated, self.seen.best)):
            if size > 1 and not self._late(f"{self.name} K={size} with graphs"):
                self._measure_graph(size)

    def _measure_graph(self, size: int) -> None:
        try:
            seconds = alone(self.name, size, self.args, graphs=True)
        except RuntimeError as error:  # CUDA refuses to record something
            line = str(error).splitlines()[0]
            self.seen.notes.append(f"{self.name} K={size} with graphs: {line}")
            return
        self.seen.graphs[size] = self._rates(size, seconds)
        measuring.say(f"{self.name} K={size}, graphs: {self.seen.graphs[size]}")

    def measure_processes(self) -> None:
        """Measure processes side by side, with a trial each and with half of the best pack."""
        several = [(2, self.seen.best // 2)] * (self.seen.best > 2)
        for processes, size in [(n, 1) for n in self.args.processes] + several:
            what = f"{processes} processes" + f" with packs of {size}" * (size > 1)
            if self._late(f"{self.name}, {what}"):
                return
            seconds = beside(self.name, processes, size, self.args)
            self.seen.processes[what] = processes * size / (seconds * self.length)
            measuring.say(f"{self.name}, {what}: {self.seen.processes[what]:.4g} trials/s")

    def _rates(self, size: int, seconds: Sequence[float]) -> list[float]:
        """Return trials a second from the seconds of epochs."""
        return [size / (elapsed * self.length) for elapsed in seconds]

    def _late(self, what: str) -> bool:
        """Return whether the time is over; then a note says what is left out."""
        if not self.seen.rates or time.perf_counter() < self.end:
            return False
        self.seen.notes.append(f"{what}: left out, the minutes are over")
        return True


def examine(name: str, args: argparse.Namespace, end: float) -> Seen:
    """Measure a case in every way there is time for until `end`, by the clock."""
    seen, case = Seen({}, {}, {}, {}, {}, []), CASES[name]
    length = case.epochs * case.updates / (args.updates or case.updates)  # of a trial, in epochs
    examination = Examination(name, args, end, length, seen)
    examination.measure_packs()
    if args.device != "cpu":
        examination.measure_graphs()
    seen.device = watched(name, seen.best, args, length)
    examination.measure_processes()
    seen.notes += profile(name, seen.saturated, args)
    return seen


def watched(name: str, trials: int, args: argparse.Namespace, length: float) -> dict[str, float]:
    """What the GPU does while a pack trains; joules are a trial's. Empty without a driver."""
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
        wall = timed(epoch)
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
