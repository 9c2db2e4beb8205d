"""The entry of a worker process whose trials are calls of a user's function.

No torch is imported here: whether the function does is its own affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espalier.core.errors import UserError
from espalier.core.trial import EPOCHS, Emit, Result, Status, Task, discard
from espalier.core.trial_config import Config
from espalier.scripts.epoch_records import REFUSED, BadMeasureError, EpochRecords
from espalier.scripts.programs.program_environment import typed_symbols
from espalier.scripts.signatures import read_signature
from espalier.scripts.train_function import read_function
from espalier.scripts.trial_origin import origin_of, prepare

_ADVICE = "let it call its logger, log(epoch=1, val_acc=0.91)"


def warm() -> None:
    """Load the function, and ask the machine what it is, before the first trial is timed."""
    prepare()
    read_function()


@dataclass(frozen=True)
class TrialLog:
    """The logger of a trial: called with names and numbers, it records them.

    `folder` is the trial's own: what the function writes for people belongs there.
    """

    folder: Path
    records: EpochRecords
    emit: Emit

    def __call__(self, **measures: Any) -> None:
        """Record measures, and the epoch that they are of: `log(epoch=1, val_acc=0.9)`.

        An accuracy is a share, 0 to 1. Raises ValueError for what is no measure.
        """
        record = self.records.add(measures)
        if record is not None:
            self.emit(record)


def train_trial(task: Task, emit: Emit = discard) -> Result:
    """Call the function for one trial; `emit` takes the record of an epoch as it changes.

    Numbers that are not finite are a `failed` result. A function that reports nothing, or what is
    no measure, is an `error` that is not tried again. What the function raises is raised.
    """
    if task.rank:  # the first of several workers has the devices of all
        return Result(Status.PASSED)
    origin = origin_of(task, None)
    records = EpochRecords(int(task.trial.config[EPOCHS]))
    try:
        _call(task, TrialLog(task.directory, records, emit))
    except (UserError, BadMeasureError) as error:
        return Result(Status.ERROR, REFUSED, str(error), {}, records.history, origin)
    return records.result(task.settings["RANK_BY"], origin, _ADVICE)


def _call(task: Task, log: TrialLog) -> None:
    function, config = read_function(), Config(task.trial.config)
    defaults = read_signature(function, task.trial.config["TRAIN_FUNCTION"]).knobs
    given = {name: config.read(name.upper(), type(value)) for name, value in defaults.items()}
    function(typed_symbols(task), log, **given)
