"""Check that what an entry returns is a result: plain data, with numbers where numbers belong.

It is checked in the worker, where a fault can be named at once, and again in the runner, since the
pipe between them is open to whatever a trial does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from espalier.core import strict_json
from espalier.core.measures import MEASURES
from espalier.core.records import EpochRecord, Provenance
from espalier.core.trial import PAUSED, Record, Result, Status

BAD_RESULT = "result"
"""The reason of an error of the entry: what it returns or emits is no result."""
NUMBERS = frozenset(MEASURES) | {
    *("final_sparsity", "target_sparsity", "total_time", "train_acc", "steps"),
}
"""Measures that are numbers where they are known."""
EPOCH_NUMBERS = frozenset(field.name for field in fields(EpochRecord)) - {"more"}
COUNTS = ("epoch", "epochs", "step")
ENDS = (Status.PASSED, Status.FAILED, Status.ERROR)
"""The states in which an entry may leave a trial, beside one that has paused."""
LARGEST_COUNT = 2**53
"""The limit of a whole number, which the store reads again; larger ones are kept as floats."""
LARGEST = 1e100
"""The limit of a number, so that squares and sums of it are numbers too."""
_BITS = 1023  # of the largest whole number that is also a float
_MESSAGE = 2000  # characters
_SHOWN = 60  # characters of a value in a message


class BadResultError(ValueError):
    """What an entry returned or emitted is no result; the text says what is wrong with it."""


def check_result(result: Any) -> Result:
    """Return `result` as plain data. Raises BadResultError if it is not what a trial can have."""
    if not isinstance(result, Result):
        raise BadResultError(f"the entry returned {_show(result)}: must be a Result")
    if result.status not in ENDS and (result.status, result.reason) != (Status.STOPPED, PAUSED):
        raise BadResultError(f"the entry returned status {_show(result.status)}: must have ended")
    if not isinstance(result.provenance, Provenance):
        raise BadResultError(f"provenance={_show(result.provenance)}: must be a Provenance")
    return replace(
        result,
        status=Status(result.status),
        reason=printable(result.reason),
        message=printable(result.message),
        measures=_numbers(result.measures, NUMBERS, "measures"),
        history=[check_epoch(record) for record in _list(result.history)],
    )


def check_epoch(record: Any) -> Record:
    """Return the record of an epoch as plain data. Raises BadResultError if it is none."""
    checked = _numbers(record, EPOCH_NUMBERS, "a record")
    for name in COUNTS:
        value = checked.get(name)
        if isinstance(value, float) and value.is_integer():
            checked[name] = int(value)
        elif value is not None and not isinstance(value, int):
            raise BadResultError(f"{name}={_show(value)}: must be a whole number")
        if value is not None and abs(value) > LARGEST_COUNT:
            raise BadResultError(f"{name}={_show(value)}: must be at most {LARGEST_COUNT}")
    return checked


def refuse(error: BadResultError) -> Result:
    """Return the result of a trial whose entry returned none."""
    return Result(Status.ERROR, BAD_RESULT, printable(str(error)))


def printable(text: object) -> str:
    """Return a text as one line of limited length that every file can hold."""
    line = " ".join(str(text).split()) if isinstance(text, str) else _show(text)
    return line[:_MESSAGE].encode("utf-8", "backslashreplace").decode()


def _numbers(record: Any, names: frozenset[str], what: str) -> Record:
    """Return a JSON object as plain data, in which `names` are numbers or None."""
    if not isinstance(record, Mapping):
        raise BadResultError(f"{what}={_show(record)}: must be a mapping")
    checked = {}
    for name, value in record.items():
        if not isinstance(name, str):
            raise BadResultError(f"{what}: {_show(name)}: must be a name")
        plain = _plain(name, value)
        if name in names and not _is_number(plain):
            rule = f"a number from -{LARGEST:g} to {LARGEST:g}"
            raise BadResultError(f"{name}={_show(value)}: must be {rule}")
        checked[name] = float(plain) if name in names and _is_huge(plain) else plain
    return checked


def _is_huge(value: Any) -> bool:
    return isinstance(value, int) and abs(value) > LARGEST_COUNT


def _plain(name: str, value: Any) -> Any:
    """Return what JSON can hold of `value`: scalars of numpy and torch become numbers."""
    if value is None or type(value) in (bool, float, str):
        return value
    try:
        plain = _scalars(value)
        strict_json.encode(plain)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadResultError(f"{name}={_show(value)}: must be plain data ({error})") from error
    return plain


def _scalars(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _scalars(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_scalars(item) for item in value]
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    if isinstance(value, int) and value.bit_length() > _BITS:
        raise OverflowError("too large for a float")
    return float(value) if isinstance(value, (Decimal, Fraction)) else value


def _is_number(value: Any) -> bool:
    """Return whether it is one, or None or not finite, which JSON has as null."""
    if value is None:
        return True
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return real and not (LARGEST < abs(value) < float("inf"))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise BadResultError(f"history={_show(value)}: must be a list of records")
    return list(value)


def _show(value: Any) -> str:
    """Return the beginning of what a value looks like."""
    if isinstance(value, int) and value.bit_length() > _BITS:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, (str, int, float, list, tuple, dict)):
        try:
            text = repr(value)
        except (ValueError, RecursionError):
            return f"a {type(value).__name__}"
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return f"a {type(value).__module__}.{type(value).__qualname__}"
