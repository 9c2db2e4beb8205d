"""Which trial may start where: what memory allows, and what must run by itself.

Before a sweep it is known what a warm worker takes, so no more are started than fit. What a trial
takes on top is known once one has run: from then on a trial waits while the largest worker seen so
far, in as many copies as would then be at work, does not fit. One trial always runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from espalier.memory import available
from espalier.sweep import devices, footprint
from espalier.sweep.pool import Executor
from espalier.sweep.worker import OOM
from espalier.trial import Result

MIB = 1 << 20
WORKER = 400 * MIB
"""What a warm worker has to itself: 384 MiB measured on a CPU (torch 2.15, Linux), and no more
while it trains on the digits. ResNet-18 with data of the size of CIFAR-10 took 1.2 GiB."""
SPARE = 256 * MIB
"""What is left to everything else."""
GPU_WORKER = 1024 * MIB
"""Below this much free memory a worker on a GPU is worth a word; most of it is CUDA's own."""


class Fit(NamedTuple):
    """The devices of the workers to start, and what to say about it."""

    devices: list[str]
    notes: list[str]


def fitting(wanted: Sequence[str], asked: int) -> Fit:
    """As many of the `wanted` workers as memory holds, at least one.

    All of them if that number was `asked` for (0: it was not).
    """
    notes, room = list(_short_gpus([one for w in wanted for one in devices.each(w)])), available()
    most = max(1, (room - SPARE) // (WORKER * len(devices.each(wanted[0]))))
    if most >= len(wanted):
        return Fit(list(wanted), notes)
    line = f"note: {_gb(room)} of memory is free and a worker takes {_gb(WORKER)} or more"
    if asked:
        return Fit(list(wanted), [*notes, f"{line}: {len(wanted)} at a time may run out of it"])
    advice = f"{line}: not {len(wanted)} at a time; PARALLEL={len(wanted)} tries it"
    return Fit(list(wanted[:most]), [*notes, advice])


class Admission:
    """Says during a sweep which trials may start in which slots."""

    def __init__(self, executor: Executor, waits: bool, alone: Iterable[int] = ()) -> None:
        """Without `waits` trials start though memory is short, which is said.

        `alone` are the numbers of trials that have run out of memory before.
        """
        self._executor, self._waits, self._alone = executor, waits, set(alone)
        self._most = 0  # bytes, of the largest worker so far
        self._said = False

    def ended(self, number: int, result: Result) -> None:
        """A trial that ran out of memory will have its device to itself."""
        if result.reason == OOM:
            self._alone.add(number)

    def free(self, waiting: int, busy: Collection[int]) -> list[int]:
        """The idle slots, `waiting` at most, that memory allows to work beside the busy ones."""
        idle = self._executor.idle()[:waiting]
        return self._affordable(idle, busy) if idle else []

    def allowing(self, slot: int, running: Mapping[int, Collection[int]]) -> Callable[[int], bool]:
        """Whether the trial of a number may start in a slot.

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
        self._most = max(self._most, *(one.most for one in held.values()))
        growth = [self._most - held[slot].now for slot in (*busy, *idle)]
        count = fits(growth, room - SPARE) - len(busy)
        if count >= len(idle):
            return list(idle)
        self._say(room)
        return list(idle[: max(count, 0 if busy else 1)]) if self._waits else list(idle)

    def _held(self, slot: int) -> footprint.Held:
        """By the workers of a slot, going by the first of them."""
        ranks = len(devices.each(self._executor.devices[slot]))
        first = footprint.held(self._executor.process(slot))
        return footprint.Held(first.now * ranks, first.most * ranks)

    def _say(self, room: int) -> None:
        what = "trials wait for others to end" if self._waits else "trials may run out of it"
        if not self._said:
            print(
                f"note: {_gb(room)} of memory is free and a worker took {_gb(self._most)}: {what}",
                flush=True,
            )
        self._said = True


def fits(sizes: Iterable[int], room: int) -> int:
    """How many of `sizes`, from the first, are within `room` together."""
    count = 0
    for size in sizes:
        room -= size
        if room < 0:
            break
        count += 1
    return count


def _short_gpus(wanted: Sequence[str]) -> Iterator[str]:
    if wanted[0] == devices.CPU:
        return
    free = devices.free_memory()
    for device, count in Counter(wanted).items():
        if free.get(device, GPU_WORKER * count) < GPU_WORKER * count:
            workers = f"{count} worker{'s' * (count > 1)}"
            yield f"note: GPU {device}: {_gb(free[device])} of memory is free for {workers}"


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
