"""The door between planning and training: plain data in, plain data out, both JSON.

Nothing here imports torch, so the control plane can hold trials and results at no cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from espalier.core.records import EpochRecord, Provenance

Record = dict[str, Any]
LOG = "output.log"
"""The file in a trial's folder that has what its attempts printed."""

REPETITION = ("SEED", "SPLIT_SEED")
"""What repeats a configuration instead of changing it."""


class Status(StrEnum):
    """The state of a trial, or of an attempt at it. It is never unset."""

    NOTRUN = "notrun"  # planned, not started; a trial's alone
    RUNNING = "running"
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
    record an epoch as JSON (`epochs` has their fields), `provenance` what is needed to run it
    again.
    """

    status: Status
    reason: str = ""
    message: str = ""
    measures: Record = field(default_factory=dict)
    history: list[Record] = field(default_factory=list)
    provenance: Provenance = Provenance()

    def as_json(self) -> Record:
        """Return this result as a JSON object."""
        return {**vars(self), "provenance": self.provenance.as_json()}

    @classmethod
    def from_json(cls, record: Record) -> Result:
        """Return the result that `as_json` gave `record` for."""
        provenance = Provenance.from_json(record.get("provenance", {}))
        return cls(**{**record, "status": Status(record["status"]), "provenance": provenance})

    @property
    def epochs(self) -> list[EpochRecord]:
        """The history, with a field for each key that every epoch has."""
        return [EpochRecord.from_json(record) for record in self.history]


class Action(StrEnum):
    """What a worker does with the trials of a task."""

    TRAIN = "train"
    PREFLIGHT = "preflight"  # say whether this machine has what the trial needs
    PROBE = "probe"  # measure how many trials of their shape one program should train


@dataclass(frozen=True)
class Task:
    """What a worker is handed: one trial, or several to train as one program, and how.

    Trial i writes into `directories[i]`, and this is attempt number `attempts[i]` at it. `settings`
    are the symbols outside a trial's identity (device, paths, debugging checks), by the same naming
    as `Trial.config`. Of several processes that train one trial together this is number `rank`,
    from 0; they rendezvous through the file `rendezvous`, which does not exist yet. Without one
    this process is alone.
    """

    trials: tuple[Trial, ...]
    settings: Mapping[str, str]
    directories: tuple[Path, ...]
    attempts: tuple[int, ...]
    action: Action = Action.TRAIN
    rank: int = 0
    rendezvous: str = ""

    @classmethod
    def single(cls, trial: Trial, settings: Mapping[str, str], directory: Path) -> Task:
        """Return the task of training one trial, the first attempt at it."""
        return cls((trial,), settings, (directory,), (1,))

    @property
    def trial(self) -> Trial:
        """The first trial, and the only one of a task that is not for several."""
        return self.trials[0]

    @property
    def directory(self) -> Path:
        """Where the first trial writes."""
        return self.directories[0]

    @property
    def log(self) -> Path:
        """Where the output of the whole task goes."""
        return self.directory / LOG

    @property
    def ranks(self) -> int:
        """How many workers it is for. Trials that are trained together with others have one."""
        alone = self.action is Action.TRAIN and len(self.trials) == 1
        return self.trial.ranks if alone else 1

    @property
    def due(self) -> list[int]:
        """The numbers of the trials that get a result; a question has one answer."""
        answered = self.trials if self.action is Action.TRAIN else self.trials[:1]
        return [trial.number for trial in answered]

    def split(self) -> list[Task]:
        """Return one task for each trial, equal to this in all else."""
        parts = zip(self.trials, self.directories, self.attempts, strict=True)
        return [
            replace(self, trials=(trial,), directories=(directory,), attempts=(attempt,))
            for trial, directory, attempt in parts
        ]

    def as_json(self) -> Record:
        """Return this task as a JSON object."""
        trials, directories = [t.as_json() for t in self.trials], [*map(str, self.directories)]
        return {**vars(self), "trials": trials, "directories": directories}

    @classmethod
    def from_json(cls, record: Record) -> Task:
        """Return the task that `as_json` gave `record` for."""
        parts = {
            "trials": tuple(map(Trial.from_json, record["trials"])),
            "directories": tuple(map(Path, record["directories"])),
            "attempts": tuple(record["attempts"]),
            "action": Action(record["action"]),
        }
        return cls(**{**record, **parts})


Emit = Callable[[Record], None]
"""Sends one progress record of a trial to the runner."""
Entry = Callable[[Task, Emit], Result]
"""What a worker calls to train a trial, such as `espalier.train.worker_entry:train_trial`."""


def discard(record: Record) -> None:
    """Emit a progress record to nowhere."""
    del record
