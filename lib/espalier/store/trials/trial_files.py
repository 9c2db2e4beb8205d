"""Read back what a runner wrote into the folder of a trial: its result and its attempts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from espalier.core import decoding, names
from espalier.core.text_files import read_text
from espalier.core.trial import Record, Result, Status, Trial
from espalier.store.attempt import Attempt
from espalier.store.results_dir import CONFIG
from espalier.store.sqlite_errors import CONTENT
from espalier.store.sweep_files import METRICS

_RESULT = ("status", "reason", "message", "measures", "history", "provenance")
_PREFIX = "CONFIG_"


class StoredTrial(NamedTuple):
    """What the folder `directory` of a trial says: the trial, its result, its attempts in order.

    The trial has no shape, which its files do not tell.
    """

    directory: str
    trial: Trial
    result: Result
    attempts: Sequence[Attempt]


class Unreadable(NamedTuple):
    """A file of a trial that is damaged, and why."""

    path: Path
    reason: str


def read_all(folder: Path) -> Iterator[StoredTrial | Unreadable]:
    """Yield what each trial's folder in the folder of a sweep has, in the order of their names."""
    for directory in sorted(folder.iterdir()):
        path = directory / METRICS
        if directory.is_symlink() or path.is_symlink() or not path.exists():
            continue
        try:
            yield _read(path)
        except (OSError, *CONTENT) as error:
            yield Unreadable(path, " ".join(str(error).split())[:200] or type(error).__name__)


def config_text(directory: Path) -> str | None:
    """Return the config.txt of a trial, or None if it cannot be read."""
    path = directory / CONFIG
    if directory.is_symlink() or path.is_symlink():
        return None
    try:
        return read_text(path)
    except (OSError, ValueError):
        return None


def _read(path: Path) -> StoredTrial:
    record = decoding.value(read_text(path))
    if not isinstance(record, dict):
        raise decoding.ContentError("must be an object")
    result = decoding.result({name: record[name] for name in _RESULT if name in record})
    if result.status in (Status.NOTRUN, Status.RUNNING):
        raise decoding.ContentError(f"status {result.status}: is no end of a trial")
    trial = _trial(record)
    attempts = [_attempt(each, trial.number) for each in record["attempts"]]
    if not any(attempt.conclusive and attempt.status is result.status for attempt in attempts):
        raise decoding.ContentError("has a result of no attempt")
    return StoredTrial(names.checked(path.parent.name, path), trial, result, attempts)


def _trial(record: Record) -> Trial:
    """Return the trial; its number is that in its name, config_012."""
    name = str(record["config_file"])
    config = {key.removeprefix(_PREFIX): value for key, value in record["config"].items()}
    swept = [key.removeprefix(_PREFIX) for key in record["swept"]]
    return decoding.trial(
        {
            "number": int(name.rpartition("_")[2]),
            "name": name,
            "id": record["test_id"],
            "config": config,
            "swept": {key: config[key] for key in swept},
        }
    )


def _attempt(record: Record, number: int) -> Attempt:
    """Return an attempt; one that was running has been interrupted since."""
    attempt = decoding.attempt(Attempt, {**record, "trial": number})
    if attempt.status is Status.RUNNING:
        finished = attempt.finished or attempt.started
        attempt = replace(attempt, status=Status.ERROR, reason="interrupted", finished=finished)
    return attempt
