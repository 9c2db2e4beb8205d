"""Probes under way: how many trials of a shape one program should train, measured by workers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from espalier.core.trial import Action, Task, Trial
from espalier.run.packing.pack_queue import PackSize, pack_size
from espalier.run.pool import Executor
from espalier.run.workers.worker_process import Event, Finished

PATIENCE = 60.0
"""Seconds after which a probe is given up."""


@dataclass
class _Probe:
    shape: str
    started: float  # of time.monotonic()
    size: PackSize | None = None


class PackProbes:
    """The slots whose workers are probing a shape."""

    def __init__(self, executor: Executor, settings: Mapping[str, str], folder: Path) -> None:
        """What workers print while they measure goes to a log in `folder`."""
        self._executor, self._settings, self._folder = executor, settings, folder
        self._probes: dict[int, _Probe] = {}
        self._doubted = False

    def __contains__(self, slot: int) -> bool:
        return slot in self._probes

    def __iter__(self) -> Iterator[int]:
        return iter(self._probes)

    def start(self, slot: int, trials: Sequence[Trial]) -> Task:
        """Return the task of probing the shape of `trials`, for the worker of `slot`."""
        self._probes[slot] = _Probe(trials[0].shape, time.monotonic())
        directories, attempts = (self._folder,) * len(trials), (0,) * len(trials)
        return Task(tuple(trials), self._settings, directories, attempts, Action.PROBE)

    def receive(self, event: Event) -> None:
        """Take in an event of a slot that is probing."""
        if isinstance(event, Finished):
            self._probes[event.slot].size = pack_size(event.result)
            self._note_doubt(str(event.result.measures.get("doubt", "")))

    def _note_doubt(self, doubt: str) -> None:
        """Say, once a sweep, that a size was measured while the machine was busy."""
        if doubt and not self._doubted:
            what = "how many trials train as one program was measured on a busy machine"
            print(f"note: {what} ({doubt}): that holds for this sweep only", flush=True)
            self._doubted = True

    def finished(self) -> Iterator[tuple[str, PackSize]]:
        """Yield each shape that has been measured and its size; a probe that is late gives 1."""
        for slot, probe in list(self._probes.items()):
            if probe.size is None and time.monotonic() - probe.started > PATIENCE:
                self._executor.kill(slot)
                probe.size = PackSize(1, f"the probe took over {PATIENCE:.0f} s")
            if probe.size is not None:
                del self._probes[slot]
                yield probe.shape, probe.size
