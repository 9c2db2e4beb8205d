"""What a worker says to its runner, a line of JSON each; a trial may have written there too."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from espalier.core.trial import Record, Result
from espalier.run.workers.result_check import BadResultError, check_epoch, check_result, refuse

LONGEST = 64 << 20
"""The bytes that a line may have."""
_SHOWN = 40  # bytes of a line in a message


class NoMessageError(ValueError):
    """A line is not what a worker sends; the text says what it is."""


@dataclass(frozen=True)
class Ready:
    """The worker is warm; `supervisor` is the id of a process of its own, 0 if it has none."""

    supervisor: int = 0


@dataclass(frozen=True)
class Over:
    """The task that began with the trial `first` is over."""

    first: int


@dataclass(frozen=True)
class EpochMessage:
    """The trial `number` has emitted a record."""

    number: int
    record: Record


@dataclass(frozen=True)
class ResultMessage:
    """The trial `number` has ended."""

    number: int
    result: Result


Message = Ready | Over | EpochMessage | ResultMessage


def parse(line: bytes) -> Message:
    """Return the message in a line. Raises NoMessageError if it is none."""
    try:
        record = json.loads(line)
        return _message(record)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        start = repr(line[:_SHOWN]) + "..." * (len(line) > _SHOWN)
        raise NoMessageError(f"it wrote {start} where records belong") from error


def _message(record: Any) -> Message:
    if not isinstance(record, dict):
        raise TypeError("a message is an object")
    if "ready" in record:
        return Ready(_number(record.get("supervisor", 0)))
    if "over" in record:
        return Over(_number(record["over"]))
    number = _number(record["trial"])
    if "progress" in record:
        return EpochMessage(number, check_epoch(record["progress"]))
    return ResultMessage(number, _result(record["result"]))


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError("a trial has a number")
    return value


def _result(record: Record) -> Result:
    result = Result.from_json(record)
    try:
        return check_result(result)
    except BadResultError as error:
        return refuse(error)
