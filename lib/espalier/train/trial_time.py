"""Equal time for each trial: the epochs that it comes to, and the configuration of that length.

How long an epoch takes is measured on a spare copy of the run, here and now. What then trains is a
plain trial of so many epochs: training that configuration gives the same numbers, on a machine
of any speed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from statistics import fmean
from typing import Any

from espalier.core import component
from espalier.core.component import symbol
from espalier.core.errors import UserError
from espalier.core.trees.run_schedules import moments_of
from espalier.core.trial import EPOCHS, SNAPSHOTS, TRIAL_SECONDS, Record, Task
from espalier.core.trial_config import Config
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.train import speed
from espalier.train.checkpoints import snapshot_files
from espalier.train.checkpoints.snapshot_files import SnapshotError
from espalier.train.engine.trainer import Trainer
from espalier.train.loop import DivergedError, Loop

MOST_EPOCHS = 100_000
SHARE, SHORTEST, LONGEST = 0.05, 1.0, 10.0
"""What measuring an epoch takes: a share of the trial's time beside it, in seconds from to."""

Prepare = Callable[[Task], Trainer]


@kconfig_dataclass
class TimePlan:
    """The `seconds` of a trial by the clock; None: its length is that of its epochs."""

    seconds: int | None = symbol(TRIAL_SECONDS)


def resolve(
    task: Task, timed: Mapping[str, Any] | None, prepare: Prepare
) -> tuple[Task, Mapping[str, Any] | None]:
    """Return the plain task that trains in place of `task`, and what its provenance says of it.

    A length that was found before, `timed` or in a snapshot of the trial, stays. Raises UserError
    if an epoch takes far longer than the trial has, CannotTrain.
    """
    seconds = component.build(TimePlan, Config(task.trial.config), "").seconds
    if seconds is None:
        return task, None
    timed = timed or _earlier(task) or _measure(task, seconds, prepare)
    return _changed(task, timed["config"]), timed


def untimed(task: Task) -> Task:
    """Return the task without a limit of time, of the epochs that its schedules are given for."""
    return _changed(task, {})


def _changed(task: Task, changes: Mapping[str, str]) -> Task:
    config = {**task.trial.config, **changes}
    config.pop(TRIAL_SECONDS, None)
    return replace(task, trials=(replace(task.trial, config=config),))


def _measure(task: Task, seconds: int, prepare: Prepare) -> Record:
    """Return the length of a trial in epochs, from how long an epoch takes."""
    plain = untimed(task)
    limit = min(LONGEST, max(SHORTEST, SHARE * seconds))
    epoch = epoch_seconds(prepare(plain), limit)
    epochs = min(MOST_EPOCHS, round(seconds / epoch))
    if not epochs:
        raise UserError(
            f"CONFIG_{TRIAL_SECONDS}={seconds}: one epoch takes {epoch:.0f} s here; give it more "
            "time, or fewer samples by CONFIG_TRAIN_SUBSET"
        )
    config = _stretched(plain.trial.config, epochs)
    return {"epochs": epochs, "seconds": epoch, "config": config}


def epoch_seconds(trainer: Trainer, limit: float) -> float:
    """Return the seconds of an epoch with its validation, by training for about `limit` seconds.

    Where not even two epochs fit into that, steps are timed, and an epoch is made up of them.
    """
    step = fmean(speed.time_steps([trainer], limit / 2))
    usual = speed.epoch_of(trainer, step)
    if usual > limit / 2:
        return usual
    end, seen = time.perf_counter() + limit, list[float]()
    for _, outcome in islice(Loop([trainer]).epochs(), max(1, trainer.run.epochs - 1)):
        if isinstance(outcome, DivergedError):
            break
        seen.append(float(outcome["seconds"]))
        if time.perf_counter() > end:
            break
    return fmean(seen[1:] or seen or [usual])


def _stretched(config: Mapping[str, str], epochs: int) -> dict[str, str]:
    """Return what changes in a configuration when it is stretched to so many epochs."""
    factor = epochs / int(config[EPOCHS])
    moments = {name: int(config[name]) for name in moments_of(config)}
    stretched = {name: max(1, round(at * factor)) for name, at in moments.items() if at}
    return {name: str(value) for name, value in {EPOCHS: epochs, **stretched}.items()}


def _earlier(task: Task) -> Mapping[str, Any] | None:
    """Return the length that the last snapshot of a trial has, if there is one."""
    paths = snapshot_files.list_snapshots(task.directory / SNAPSHOTS)
    for path in reversed(paths):
        with suppress(SnapshotError):
            made = snapshot_files.load(path).manifest["made"]
            timed, config = made.get("timed"), made.get("config")
            if config == dict(task.trial.config) and _is_length(timed):
                return dict(timed)
    return None


def _is_length(timed: object) -> bool:
    """Return whether what a file says is a length: it may be anybody's."""
    if not isinstance(timed, dict) or not isinstance(timed.get("config"), dict):
        return False
    texts = [*timed["config"].values()]
    return EPOCHS in timed["config"] and all(isinstance(t, str) and t.isdecimal() for t in texts)
