"""Trials that one worker was handed together, while they run and as they end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from espalier.sweep.standing import Running, named
from espalier.sweep.worker import PACK, of_several
from espalier.trial import Record, Result, Status, Trial


@dataclass
class Assignment:
    """A trial in a slot."""

    trial: Trial
    attempt: int
    record: Record = field(default_factory=dict)
    noted: bool = True  # whether `record` is in the store


class Group:
    """One trial, or the trials of a pack: those that began together, and which still run."""

    def __init__(self, trials: Sequence[Trial], attempts: Mapping[int, int]) -> None:
        """They begin now; `attempts` has the number of each one's attempt."""
        self.members = {one.number: Assignment(one, attempts[one.number]) for one in trials}
        self.name, self.size, self.shape = trials[0].name, len(trials), trials[0].shape
        self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since they were handed out."""
        return time.monotonic() - self._started

    @property
    def running(self) -> Running:
        """How far they are, going by the first that still runs."""
        first, left = next(iter(self.members.values())), len(self.members)
        return Running(named(first.trial.name, left), first.record, self.elapsed, self.size, left)

    @property
    def left(self) -> float:
        """What is still to do, in trials."""
        return len(self.members) * (1 - self.running.share)

    def heard(self, number: int, record: Record) -> None:
        """One of its trials has emitted a record."""
        one = self.members[number]
        one.record, one.noted = record, False

    def late(self, limit: int) -> bool:
        """Whether it has taken more than `limit` seconds for each of its trials; 0: any."""
        return bool(limit) and self.elapsed > limit * self.size

    def overdue(self, limit: int) -> Result:
        """The result of those that still run when their time is over."""
        each = f" for {self.size} trials" if self.size > 1 else ""
        message = f"stopped after {limit * self.size} s, the limit that CONFIG_TRIAL_TIMEOUT sets"
        return of_several(self.size, Result(Status.ERROR, "timeout", message + each))


@dataclass(frozen=True)
class Ended:
    """An attempt that has come to its end."""

    assignment: Assignment
    result: Result
    group: Group

    @property
    def seconds(self) -> float:
        """The trial's share of the time that its group has taken."""
        return self.group.elapsed / self.group.size


def broken(ended: Iterable[Ended]) -> Iterator[str]:
    """A line for each pack that came to its end before its trials did."""
    lost: dict[int, list[Ended]] = {}
    for one in ended:
        if one.result.reason.startswith(PACK):
            lost.setdefault(id(one.group), []).append(one)
    for several in lost.values():
        result, group = several[0].result, several[0].group
        what = f"{named(group.name, group.size)}: {result.reason}: {result.message}"
        yield f"note: {what} ({len(several)} to be run again)"
