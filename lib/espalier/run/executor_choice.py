"""Which executor runs the trials of a sweep: this process, a pool of workers, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from espalier.core.errors import UserError
from espalier.core.trial import Trial
from espalier.run import admission
from espalier.run.devices import describe_devices, is_on_cpu, slots
from espalier.run.entries import worker_memory
from espalier.run.pool import Executor, InProcess, Pool

WORKERS_LOG = "workers.log"
POOL, RAY = "pool", "ray"
EXECUTORS = (POOL, RAY)


@dataclass(frozen=True)
class Placement:
    """Where trials are to run: the name of an executor, and for Ray what cluster it joins.

    Without an `address` Ray starts a cluster of this machine alone. A trial at a time takes
    `gpu_share` of a GPU, from 0 to 1, where the cluster has any.
    """

    executor: str
    address: str
    gpu_share: float

    @property
    def variables(self) -> list[str]:
        """The variables of make that name it; none for the usual place."""
        address = [f"RAY_ADDRESS={self.address}"] if self.address else []
        share = [f"GPU_SHARE={self.gpu_share:g}"] if self.gpu_share != LOCAL.gpu_share else []
        return [] if self == LOCAL else [f"EXECUTOR={self.executor}", *address, *share]


LOCAL = Placement(POOL, "", 1.0)
"""Trials run on this machine, in a pool."""


def check_executor(name: str) -> str:
    """Return the name of an executor. Raises UserError for another text."""
    if name not in EXECUTORS:
        raise UserError(f"executor={name!r:.60}: must be one of {', '.join(EXECUTORS)}")
    return name


@dataclass(frozen=True)
class Workload:
    """What an executor is to run: trials, by an entry, in so many slots (0: the devices decide)."""

    entry: str
    settings: Mapping[str, str]
    trials: Sequence[Trial]
    parallel: int
    in_process: bool

    @property
    def threads(self) -> int:
        """The most compute threads that a trial takes."""
        return max(int(trial.config["CPU_THREADS"]) for trial in self.trials)

    @property
    def ranks(self) -> int:
        """The most workers that train one trial together."""
        return max(trial.ranks for trial in self.trials)


class Site(Protocol):
    """The machines that a sweep has, before there is a folder and before any worker starts."""

    def start(self, trials: int, folder: Path) -> Executor:
        """Start workers for so many trials of the sweep in `folder`; print notes on that."""
        ...

    def describe(self, executor: Executor) -> str:
        """Return how many trials run at a time, and on what, in words."""
        ...


def opened(placement: Placement, work: Workload) -> AbstractContextManager[Site]:
    """Open the machines that a placement names. Raises UserError if they cannot run the work."""
    if placement.executor != RAY:
        return _here(work)
    if work.in_process:
        raise UserError("EXECUTOR=ray: has workers of its own; leave out --in-process")
    from espalier.run.ray import ray_site  # Ray is imported only where it is used

    return ray_site.opened(placement, work)


@contextmanager
def _here(work: Workload) -> Iterator[Site]:
    yield ThisMachine(work)


class ThisMachine:
    """The devices of this machine, for workers or for this process alone."""

    def __init__(self, work: Workload) -> None:
        """Choose the devices. Raises UserError if the trials need others than there are."""
        if work.in_process and work.ranks > 1:
            rule = "trains a trial in processes of their own; leave out --in-process"
            raise UserError(f"CONFIG_DEVICES_PER_TRIAL={work.ranks}: {rule}")
        self._work = work
        self._devices = slots(work.settings["DEVICE"], work.parallel, work.threads, work.ranks)

    def start(self, trials: int, folder: Path) -> Executor:
        """Start workers for so many trials, as many as memory allows; print a note if not all."""
        work = self._work
        limit = 1 if work.in_process else trials
        memory = worker_memory(work.entry, is_on_cpu(self._devices[0]))
        fitting, notes = admission.fit_workers(self._devices[:limit], work.parallel, memory)
        for line in notes:
            print(line)
        if work.in_process:
            return InProcess(work.entry)
        return Pool(work.entry, fitting, folder / WORKERS_LOG)

    def describe(self, executor: Executor) -> str:
        """Return how many trials run at a time, and on what."""
        return f"{executor.capacity} at a time {describe_devices(executor.devices)}"
