"""The nouns that carry a trial from the plan to the ranking.

| noun | it is | defined in |
|---|---|---|
| Trial | one effective configuration with its seed and its id | here |
| Attempt | one try at a trial: a row of the store | `espalier.store.store` |
| Task | what a worker is handed: one trial, or several to train as one program | here |
| Run | one live training: model, optimizer, data, counters | `espalier.core.contracts` |
| Result | what came of an attempt: status, history, measures, provenance | here |
| Configuration | trials that differ only in their seeds | `espalier.analysis.rank` |

A Task goes into a worker process and a Result comes out of it. Both are plain data that JSON can
hold. Nothing here imports torch, so planning, storing and reporting need not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from espalier.core.records import EpochRecord, Provenance

Record = dict[str, Any]
"""A JSON object."""

LOG = "output.log"
"""The file in a trial's folder that holds the output of its attempts."""

MODEL = "model.pt"
"""The file in a trial's folder that holds the model that it trained."""

SNAPSHOTS = "snapshots"
"""The folder in a trial's folder that holds what it can go on from."""

PAUSED = "paused"
"""The reason of an attempt that has come to a rung, where it waits for what becomes of others."""

RUNG = "rung"
"""The reason of a trial that was stopped at a rung, and of the snapshot of one that waits there."""

EPOCHS = "NUM_EPOCHS"
"""The symbol of how many epochs a trial trains."""

TRIAL_SECONDS = "TRIAL_SECONDS"
"""The symbol of trials that train for some time, however many epochs that is."""

REPETITION = ("SEED", "SPLIT_SEED")
"""The symbols in which trials of one configuration differ."""
STOP = "STOP"
"""The setting that names the rule by which configurations stop early."""
NO_STOP = "none"
"""Its value where every trial comes to its end."""


class Status(StrEnum):
    """The state of a trial, or of an attempt at it."""

    NOTRUN = "notrun"  # planned and not started; only a trial can be this
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"  # diverged or missed its criterion; never retried, which would bias results
    ERROR = "error"  # did not run to its end: crash, out of memory, time-out; retried
    STOPPED = "stopped"  # at a rung, as others did better there; not retried


FINAL = (Status.PASSED, Status.FAILED)
"""The states of a trial that ran to its end, which no error can be."""


@dataclass(frozen=True)
class Trial:
    """One effective configuration with its seed and its id.

    `config` maps each visible symbol of the trial's identity, without `CONFIG_`, to its canonical
    text. A choice is one entry for all of its members: `{"OPTIMIZER": "sgd"}`. Two trials with
    equal `config` have the same `id`. Trials with equal `shape` may be trained as one program.
    """

    number: int  # from 1, in the order of the plan
    name: str  # config_001
    id: str  # a hash of `config`
    config: Mapping[str, str]
    swept: Mapping[str, str] = field(default_factory=dict)  # of `config`, what the plan varies
    shape: str = ""  # a hash of what a pack must have in common; empty: no pack may hold it

    @property
    def configuration(self) -> frozenset[tuple[str, str]]:
        """What trials of one configuration have in common: `config` without REPETITION."""
        common = dict(self.config)
        for name in REPETITION:
            common.pop(name, None)
        return frozenset(common.items())

    @property
    def ranks(self) -> int:
        """The number of processes that train it together, each on a device of its own."""
        return int(self.config.get("DEVICES_PER_TRIAL", "1"))

    @property
    def alone(self) -> bool:
        """Whether it can be in no pack: on devices of its own, or with time of its own."""
        return not self.shape or self.ranks > 1 or TRIAL_SECONDS in self.config

    def as_json(self) -> Record:
        """Return this trial as a JSON object."""
        return {**vars(self), "config": dict(self.config), "swept": dict(self.swept)}

    @classmethod
    def from_json(cls, record: Record) -> Trial:
        """Return the trial that `as_json` turned into `record`."""
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
    """The work on the trials of a task."""

    TRAIN = "train"
    PREFLIGHT = "preflight"  # check that this machine has what the first trial needs
    PROBE = "probe"  # measure how many trials of this shape one program should train
    MEASURE = "measure"  # train for a few seconds to see how long the trials take


@dataclass(frozen=True)
class Task:
    """The work that a worker is handed: one trial, or several to train as one program.

    Trial i writes into `directories[i]`, and this is attempt number `attempts[i]` at it. Each
    pauses after the epoch `until`, and leaves what it goes on from; 0: it trains to its end. Where
    several processes train one trial together, each is handed this task with a `rank` of its own,
    and they meet through the file `rendezvous`, which does not exist yet.
    """

    trials: tuple[Trial, ...]
    settings: Mapping[str, str]  # symbols outside of identity: device, paths, debugging checks
    directories: tuple[Path, ...]
    attempts: tuple[int, ...]
    action: Action = Action.TRAIN
    until: int = 0
    rank: int = 0  # from 0
    rendezvous: str = ""  # empty: this process trains alone

    @classmethod
    def single(cls, trial: Trial, settings: Mapping[str, str], directory: Path) -> Task:
        """Return the task of training one trial, as the first attempt at it."""
        return cls((trial,), settings, (directory,), (1,))

    @property
    def trial(self) -> Trial:
        """The first trial."""
        return self.trials[0]

    @property
    def directory(self) -> Path:
        """The folder of the first trial."""
        return self.directories[0]

    @property
    def log(self) -> Path:
        """The file for the output of the whole task."""
        return self.directory / LOG

    @property
    def ranks(self) -> int:
        """The number of processes that share it: more than 1 only to train a single trial."""
        alone = self.action is Action.TRAIN and len(self.trials) == 1
        return self.trial.ranks if alone else 1

    @property
    def due(self) -> list[int]:
        """The numbers of the trials that a result is due for: all to train, else the first."""
        trials = self.trials if self.action is Action.TRAIN else self.trials[:1]
        return [trial.number for trial in trials]

    def split(self) -> list[Task]:
        """Return a task for each trial, equal to this one in all else."""
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
        """Return the task that `as_json` turned into `record`."""
        parts = {
            "trials": tuple(map(Trial.from_json, record["trials"])),
            "directories": tuple(map(Path, record["directories"])),
            "attempts": tuple(record["attempts"]),
            "action": Action(record["action"]),
        }
        return cls(**{**record, **parts})


Emit = Callable[[Record], None]
"""A function that sends one progress record of a trial to the runner."""

Entry = Callable[[Task, Emit], Result]
"""A function that trains a trial in a worker, as `espalier.train.worker_entry:train_trial` does."""


def discard(record: Record) -> None:
    """Drop a progress record: the `Emit` of a trial that no runner waits for."""
    del record


def has_rungs(settings: Mapping[str, str]) -> bool:
    """Return whether configurations are compared at rungs, where some stop."""
    return settings.get(STOP, NO_STOP) != NO_STOP
