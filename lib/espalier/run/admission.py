"""Which trial may start where: as memory allows, and those that must run by themselves.

Before a sweep it is known what a warm worker takes, so no more are started than fit. What a trial
takes on top is known once one has run: from then on a trial waits while the largest worker seen so
far, in as many copies as would then be at work, does not fit. One trial always runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from espalier.core.process import process_memory
from espalier.core.process.memory import available
from espalier.core.texts.count_text import count_text
from espalier.core.trial import Result
from espalier.run import devices
from espalier.run.pool import Executor
from espalier.run.workers.worker import OOM

MIB = 1 << 20


class WorkerMemory(NamedTuple):
    """Bytes that a warm worker has to itself, and those that it shares with all others."""

    own: int
    shared: int = 0

    def of(self, count: int) -> int:
        """Return the bytes that so many workers take."""
        return self.shared + count * self.own

    def fitting(self, room: int) -> int:
        """Return how many workers `room` holds."""
        return max(0, room - self.shared) // self.own


WORKER = WorkerMemory(400 * MIB)
"""A worker that imported for itself: 384 MiB measured on a CPU (torch 2.15, Linux), and no more
while it trains on the digits. ResNet-18 with data of the size of CIFAR-10 took 1.2 GiB."""
FORKED_WORKER = WorkerMemory(32 * MIB, shared=320 * MIB)
"""One that was forked: 10 MiB measured, 24 MiB while it trains on the digits; the server 299."""
LIGHT_WORKER = WorkerMemory(32 * MIB)
"""A worker without torch, with its supervisor: 25 MiB measured."""
SPARE = 256 * MIB
"""What is left to everything else."""
GPU_WORKER = 1024 * MIB
"""Below this much free memory a worker on a GPU is worth a word; most of it is CUDA's own."""


def fit_workers(
    slots: Sequence[str], parallel: int, worker: WorkerMemory
) -> tuple[list[str], list[str]]:
    """Return the devices of as many workers as memory holds, at least one, and notes on that.

    All of the `slots` if the user set their number, `parallel` (0: no number is set).
    """
    ranks = [device for slot in slots for device in devices.each(slot)]
    notes, room = list(_short_gpus(ranks)), available()
    count = max(1, worker.fitting(room - SPARE) // len(devices.each(slots[0])))
    if count >= len(slots):
        return list(slots), notes
    line = f"note: {_gb(room)} of memory is free and {_need(worker, len(ranks))}"
    if parallel:
        return list(slots), [*notes, f"{line}: {len(slots)} at a time may run out of it"]
    advice = f"{line}: not {len(slots)} at a time; PARALLEL={len(slots)} tries it"
    return list(slots[:count]), [*notes, advice]


def _need(worker: WorkerMemory, count: int) -> str:
    what = count_text(count, "worker")
    return f"{what} {'takes' if count == 1 else 'take'} {_gb(worker.of(count))} or more"


class MemoryGate:
    """Decides during a sweep which trials may start in which slots."""

    def __init__(self, executor: Executor, waits: bool, alone: Iterable[int] = ()) -> None:
        """Let trials wait while memory is short; without `waits` they start, and a note says so.

        `alone` are the numbers of trials that have run out of memory before.
        """
        self._executor, self._waits, self._alone = executor, waits, set(alone)
        self._largest = 0  # bytes, of the largest worker so far
        self._noted = False

    def record_end(self, number: int, result: Result) -> None:
        """Give a trial that ran out of memory its device to itself from now on."""
        if result.reason == OOM:
            self._alone.add(number)

    def free_slots(self, waiting: int, busy: Collection[int]) -> list[int]:
        """Return the idle slots, `waiting` at most, that memory allows beside the busy ones.

        Memory of other machines is looked at there: an executor with workers there has as idle what
        their memory allows.
        """
        idle = self._executor.idle()[:waiting]
        here = all(self._executor.process(slot) for slot in idle)
        return self._affordable(idle, busy) if idle and here else idle

    def admits(self, slot: int, running: Mapping[int, Collection[int]]) -> Callable[[int], bool]:
        """Return a test of whether the trial of a number may start in a slot.

        `running` are the numbers of the trials at work, by slot.
        """
        on = self._executor.devices
        beside = [n for other, numbers in running.items() if on[other] == on[slot] for n in numbers]
        if any(number in self._alone for number in beside):
            return lambda number: False
        return lambda number: not (beside and number in self._alone)

    def _affordable(self, idle: Sequence[int], busy: Collection[int]) -> list[int]:
        room = available()
        held = {slot: self._held(slot) for slot in (*busy, *idle)}
        self._largest = max(self._largest, *(each.peak for each in held.values()))
        growth = [self._largest - held[slot].now for slot in (*busy, *idle)]
        count = beside_busy(growth, len(busy), room)
        if count >= len(idle):
            return list(idle)
        self._note(room)
        return list(idle[: max(count, 0 if busy else 1)]) if self._waits else list(idle)

    def _held(self, slot: int) -> process_memory.PrivateMemory:
        """Return what the workers of a slot hold, going by the first of them."""
        ranks = len(devices.each(self._executor.devices[slot]))
        first = process_memory.private_memory(self._executor.process(slot))
        return process_memory.PrivateMemory(first.now * ranks, first.peak * ranks)

    def _note(self, room: int) -> None:
        what = "trials wait for others to end" if self._waits else "trials may run out of it"
        if not self._noted:
            taken = f"a worker took {_gb(self._largest)}"
            print(f"note: {_gb(room)} of memory is free and {taken}: {what}", flush=True)
        self._noted = True


def beside_busy(growth: Iterable[int], busy: int, room: int) -> int:
    """Return how many idle slots may begin beside the busy ones, of which there are so many.

    `growth` is what each slot may still take, the busy ones first; `room` is free. It is negative
    where not even those that are busy fit.
    """
    return fits(growth, room - SPARE) - busy


def fits(sizes: Iterable[int], room: int) -> int:
    """Return how many of `sizes`, from the first, are within `room` together."""
    count = 0
    for size in sizes:
        room -= size
        if room < 0:
            break
        count += 1
    return count


def _short_gpus(ranks: Sequence[str]) -> Iterator[str]:
    if ranks[0] == devices.CPU:
        return
    free = devices.free_memory()
    for device, count in Counter(ranks).items():
        if free.get(device, GPU_WORKER * count) < GPU_WORKER * count:
            workers = count_text(count, "worker")
            yield f"note: GPU {device}: {_gb(free[device])} of memory is free for {workers}"


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
