"""One attempt at a trial, and its row in a store."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from espalier.core import decoding, strict_json
from espalier.core.trial import PAUSED, Record, Result, Status

TAKEN_OVER = 0
"""The round of an attempt that another sweep made and whose result was taken over."""
INTERRUPTED = Result(Status.ERROR, "interrupted", "the runner stopped while this trial ran")
PACK_OOM = "pack_oom"
INCONCLUSIVE = ("interrupted", "disk_full", PACK_OOM, "pack_crash", "pack_timeout", PAUSED)
"""Reasons that say nothing about the trial; such an attempt uses up none of its allowance."""


BEGUN = "trial, attempt, round, status, reason, message, started, finished, worker, device"
READ = f"{BEGUN}, progress"
WRITTEN = f"{READ}, result"
"""The columns of the row of an attempt that begins, that is read, and that is written again."""


@dataclass(frozen=True)
class Attempt:
    """One attempt at a trial. Times are seconds since 1970; `finished` is None while it runs."""

    trial: int
    attempt: int
    round: int
    status: Status
    reason: str
    message: str
    started: float
    finished: float | None
    worker: int  # process id
    device: str
    progress: Record = field(default_factory=dict)  # the last record that the trial emitted

    @property
    def task_key(self) -> tuple[int, float]:
        """A key of its task: equal for attempts that began together, and for no others."""
        return self.worker, self.started

    @property
    def conclusive(self) -> bool:
        """Whether its result is one of its trial, and not of the machine or the runner."""
        return self.status is not Status.RUNNING and self.reason not in INCONCLUSIVE


class LastAttempt(NamedTuple):
    """The last attempt at a trial that has ended: its number, its status and when it ended."""

    trial: int
    attempt: int
    status: str
    moment: int


def moment_of(finished: float | None) -> int:
    """Return a time in nanoseconds since 1970, as files have it; 0 for what is none."""
    return int(finished * 1e9) if finished and math.isfinite(finished) else 0


def count_per_task(attempts: Iterable[Attempt]) -> Counter[tuple[int, float]]:
    """Count the trials of each task, by `Attempt.task_key`; `attempts` are all of a sweep."""
    return Counter(attempt.task_key for attempt in attempts)


def from_row(row: tuple[Any, ...]) -> Attempt:
    """Return the attempt that a row with the columns READ holds. Raises ValueError."""
    values = (*row[:3], Status(row[3]), *row[4:-1], decoding.epoch(decoding.value(row[-1] or "{}")))
    decoding.check_fields(Attempt, values)
    return Attempt(*values)


def as_row(number: int, item: Attempt, result: Result | None) -> tuple[object, ...]:
    """Return the row of an attempt, with the columns WRITTEN; without a result, just its reason."""
    own = Result(item.status, item.reason, item.message) if result is None else result
    head = (number, item.attempt, item.round, item.status.value, item.reason, item.message)
    texts = (strict_json.encode(dict(item.progress)), strict_json.encode(own.as_json()))
    return (*head, item.started, item.finished, item.worker, item.device, *texts)
