"""The door between planning and training: plain data in, plain data out, both JSON.

Nothing here imports torch, so the control plane can hold trials and results at no cost.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Status(StrEnum):
    """How a trial stands. It is never unset."""

    NOTRUN = "notrun"  # planned, not started
    PASSED = "passed"
    FAILED = "failed"  # ran, but diverged or missed its criterion: never retried
    ERROR = "error"  # could not run to its end: crash, out of memory, time-out; retried


@dataclass(frozen=True)
class Trial:
    """One effective configuration with its seed.

    `config` maps every visible symbol of a trial's identity, without `CONFIG_`, to its canonical
    text; a choice is one entry, `{"OPTIMIZER": "sgd"}`, in place of its members. `swept` is the
    part of `config` that differs between the trials of the plan. `id` is a hash of `config`, and
    `shape` one of the part that trials must have in common to be trained as one program (empty:
    not with any other).
    """

    number: int  # from 1, in plan order
    name: str  # config_001
    id: str
    config: Mapping[str, str]
    swept: Mapping[str, str] = field(default_factory=dict)
    shape: str = ""

    @property
    def ranks(self) -> int:
        """How many processes train it together, each on a device of its own."""
        return int(self.config.get("DEVICES_PER_TRIAL", "1"))

    def as_json(self) -> Record:
        """This trial as a JSON object."""
        return {**vars(self), "config": dict(self.config), "swept": dict(self.swept)}

    @classmethod
    def from_json(cls, record: Record) -> Trial:
        """The inverse of `as_json`."""
        return cls(**record)


@dataclass(frozen=True)
class Result:
    """What came of one attempt at a trial.

    `reason` is a short code for anything but a pass (`diverged`, `oom`, `timeout`, `crash`, ...)
    and `message` the line that explains it. `measures` holds the final scalars, `history` one
    record an epoch, `provenance` what is needed to run it again.
    """

    status: Status
    reason: str = ""
    message: str = ""
    measures: Record = field(default_factory=dict)
    history: list[Record] = field(default_factory=list)
    provenance: Record = field(default_factory=dict)

    def as_json(self) -> Record:
        """This result as a JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, record: Record) -> Result:
        """The inverse of `as_json`."""
        return cls(**{**record, "status": Status(record["status"])})


@dataclass(frozen=True)
class Job:
    """What a worker is handed: a trial, where it may write, and how to report.

    `settings` are the symbols outside a trial's identity (device, paths, debugging checks), by
    the same naming as `Trial.config`. `emit` sends one progress record to the runner. Of several
    processes that train the trial together this is number `rank`, from 0, and they meet by the
    file `meeting`, which is not there yet; empty: this process is alone.
    """

    trial: Trial
    settings: Mapping[str, str]
    directory: Path
    emit: Callable[[Record], None]
    rank: int = 0
    meeting: str = ""


Entry = Callable[[Job], Result]
"""What a worker calls for each job; `espalier.train.entry:train_trial` is the real one."""
