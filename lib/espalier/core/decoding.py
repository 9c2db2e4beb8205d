"""Read what a store or a trial's files hold as the plain data that it must be, or not at all.

A file may be damaged or a stranger's. What passes here has the types that its classes say, so
nothing behind it can stumble over a number that is a text, or over a list that is a number.
"""

from __future__ import annotations

import functools
import json
import math
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from espalier.core import names
from espalier.core.measures import MEASURES
from espalier.core.records import (
    LONGEST_RACE,
    ClaimSeal,
    EpochRecord,
    PackShare,
    PlanHeader,
    Provenance,
    RaceRecord,
    Revision,
)
from espalier.core.trial import Record, Result, Status, Trial

_MEASURED = (*MEASURES, "final_sparsity", "target_sparsity", "total_time", "steps")
"""Measures that reports compute with; the others are shown as they are."""
_NUMERIC = {"TARGET_SPARSITY", "DEVICES_PER_TRIAL"}
"""Symbols of a trial that this side of the runner computes with."""
_WHOLE = ("epoch", "epochs", "step")
_LARGEST = 2**63
Check = Callable[[Any], bool]
T = TypeVar("T")


class ContentError(ValueError):
    """A record of a file is none."""


def trial(record: object, number: object = None) -> Trial:
    """Return the trial that a JSON object stands for. Raises ContentError.

    A `number` that is given must be that of the trial.
    """
    fields = _fields(record, Trial, required=("number", "name", "id", "config"))
    if rule := names.broken_rule(fields["name"]):
        raise ContentError(f"name {_shown(fields['name'])}: {rule}")
    for symbol in _NUMERIC & fields["config"].keys():
        if not math.isfinite(float(fields["config"][symbol])):
            raise ContentError(f"{symbol}: must be a finite number")
    if number is not None and fields["number"] != number:
        raise ContentError(f"trial {_shown(number)}: has the record of another one")
    return Trial.from_json(dict(fields))


def result(record: object) -> Result:
    """Return the result that a JSON object stands for. Raises ContentError, ValueError."""
    fields = _fields(record, Result, required=("status",), skipped=("status", "provenance"))
    _check_provenance(fields.get("provenance", {}))
    _check_measures(fields.get("measures", {}))
    for each in fields.get("history", ()):
        if not _is_plain(each):
            epoch(each)
    return Result.from_json(dict(fields))


def _check_provenance(record: object) -> None:
    origin = _fields(record, Provenance, skipped=("code", "pack"))
    for key, kind in (("code", Revision), ("pack", PackShare)):
        if origin.get(key) is not None:
            _fields(origin[key], kind)


def revision(record: object) -> Revision | None:
    """Return the revision that a JSON object stands for, if it is one. Raises ContentError."""
    return None if record is None else Revision.from_json(dict(_fields(record, Revision)))


def provenance(record: Record) -> Provenance:
    """Return the provenance that a JSON object stands for. Raises ContentError."""
    _check_provenance(record)
    return Provenance.from_json(record)


def outcome(status: str, measures: object) -> Result:
    """Return a result of which no more than this is read. Raises ContentError, ValueError."""
    fields = _fields({"measures": measures}, Result)
    _check_measures(fields["measures"])
    return Result(Status(status), measures=fields["measures"])


def _check_measures(measures: Mapping[str, Any]) -> None:
    is_number = _conforms(float | None)
    for name in _MEASURED:
        if name in measures and not is_number(measures[name]):
            raise ContentError(f"measure {name}: must be a number")


def attempt(kind: type[T], record: object) -> T:
    """Return the attempt, a `kind`, that a JSON object stands for. Raises ContentError."""
    fields = dict(_fields(record, kind, skipped=("status",)))
    fields["status"] = Status(fields["status"])
    epoch(fields.get("progress", {}))
    return kind(**fields)


def epoch(record: object) -> Record:
    """Return a record of an epoch, as JSON. Raises ContentError."""
    return dict(_fields(record, EpochRecord))


def _is_plain(record: Record) -> bool:
    """Return whether an epoch has finite numbers alone, and whole ones where it must.

    Nearly all have. There are as many epochs as there are trials times their length, so those are
    checked in one go.
    """
    for name in _WHOLE:
        if type(record.get(name, 0)) is not int:
            return False
    for item in record.values():
        if type(item) is float:
            if item - item != 0.0:
                return False
        elif type(item) is not int or not -_LARGEST < item < _LARGEST:
            return False
    return True


def counts(record: object) -> dict[int, int]:
    """Return a whole number by the number of a trial. Raises ContentError, ValueError."""
    if not _conforms(dict[str, int])(record):
        raise ContentError("must be whole numbers by trial")
    return {int(number): count for number, count in dict(record).items()}  # type: ignore[call-overload]


def header(record: object) -> PlanHeader:
    """Return the header of a plan. Raises ContentError."""
    fields = _fields(record, PlanHeader, skipped=("claims", "seals", "race"))
    _check_seals(fields)
    if fields.get("race") is not None:
        _check_race(fields["race"])
    for name, parts in _PARTS.items():
        for item in fields.get(name, ()):
            if not all(check(item.get(part)) for part, check in parts.items()):
                raise ContentError(f"{name}: must have {' and '.join(parts)}")
    return PlanHeader.from_json(fields)


def trees(code: object) -> list[dict[str, str]] | None:
    """Return the trees outside that a record of code names; None if it names none as it must."""
    named = code.get("trees") if isinstance(code, dict) else None
    return named if _conforms(list[dict[str, str]])(named) else None


def _check_seals(fields: Mapping[str, Any]) -> None:
    """Raise ContentError unless the claims of a header, and each seal of them, are seals."""
    seals = fields.get("seals") or []
    if not isinstance(seals, list):
        raise ContentError(f"seals: must be a list, not {_shown(seals)}")
    for seal in (fields.get("claims") or {}, *seals):
        _fields(seal, ClaimSeal)


def _check_race(record: object) -> None:
    """Raise ContentError unless a JSON object is the record of a race."""
    fields = _fields(record, RaceRecord, required=("alpha", "margin", "max_seeds", "by"))
    if not (0 < fields["alpha"] < 1 and fields["margin"] >= 0):
        raise ContentError("race: must have an alpha in 0..1 and a margin >= 0")
    if not 2 <= fields["max_seeds"] <= LONGEST_RACE:
        raise ContentError(f"race: must have 2 to {LONGEST_RACE} seeds")
    if not all(text.isdecimal() for text in fields.get("seeds", ())):
        raise ContentError("race: must have seeds that are whole numbers")


def value(text: str) -> Any:
    """Return what a text of JSON stands for. Raises ValueError, also for bare NaN and Infinity."""
    return _JSON.decode(text)


def number(item: object) -> float:
    """Return a number of JSON. Raises ContentError."""
    if not _is_float(item):
        raise ContentError(f"{_shown(item)}: must be a number")
    return float(item)  # type: ignore[arg-type]


def whole(item: object) -> int:
    """Return a whole number of JSON. Raises ContentError."""
    if not _is_int(item):
        raise ContentError(f"{_shown(item)}: must be a whole number")
    return int(item)  # type: ignore[call-overload, no-any-return]


def check_fields(kind: type, values: Sequence[object]) -> None:
    """Raise ContentError unless `values` are of the types of the fields of a class, in order."""
    for (name, check), item in zip(_checks(kind).items(), values, strict=True):
        if not check(item):
            raise ContentError(f"{kind.__name__}.{name}: must not be {_shown(item)}")


def _shown(item: object) -> str:
    return ascii(str(item)[:40])


def _fields(
    record: object, kind: type, required: Sequence[str] = (), skipped: Sequence[str] = ()
) -> Mapping[str, Any]:
    """Return a JSON object whose keys have the types of the fields of a class."""
    if not isinstance(record, dict):
        raise ContentError(f"{kind.__name__}: must be an object, not {_shown(record)}")
    for name in required:
        if name not in record:
            raise ContentError(f"{kind.__name__}: has no {name}")
    checks = _checks(kind)
    for name, item in record.items():
        if name in checks and name not in skipped and not checks[name](item):
            raise ContentError(f"{kind.__name__}.{name}: must not be {_shown(item)}")
    return record


@functools.cache
def _checks(kind: type) -> dict[str, Check]:
    return {name: _conforms(hint) for name, hint in get_type_hints(kind).items()}


@functools.cache
def _conforms(hint: Any) -> Check:
    """Return a function that says whether a value of JSON is of the type `hint`."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: True
    if origin in (Union, types.UnionType):
        checks = [_conforms(part) for part in parts]
        return lambda value: any(check(value) for check in checks)
    if origin is list:
        item = _conforms(parts[0])
        return lambda value: isinstance(value, list) and all(map(item, value))
    if origin in (dict, Mapping) and parts[1] is Any:
        return lambda value: isinstance(value, dict)  # whose keys are texts in JSON
    if origin in (dict, Mapping) and parts == (str, str):
        return lambda value: isinstance(value, dict) and _are_texts([*value, *value.values()])
    if origin in (dict, Mapping):
        key, item = map(_conforms, parts)
        return lambda value: (
            isinstance(value, dict) and all(map(key, value)) and all(map(item, value.values()))
        )
    return _SCALARS.get(hint, lambda value: isinstance(value, hint))


def _is_int(value: Any) -> bool:
    return type(value) is int and abs(value) < _LARGEST


def _is_float(value: Any) -> bool:
    return _is_int(value) or (isinstance(value, float) and math.isfinite(value))


def _is_text(value: Any) -> bool:
    """Return whether a value is text that can be written: half a surrogate pair cannot."""
    return isinstance(value, str) and _are_texts([value])


def _are_texts(values: Sequence[Any]) -> bool:
    """Return the same of all of `values`, in one go: a configuration has dozens, a sweep many."""
    try:
        joined = "".join(values)
        return joined.isascii() or bool(joined.encode("utf-8"))
    except (TypeError, UnicodeEncodeError):
        return False


_SCALARS: dict[Any, Check] = {int: _is_int, float: _is_float, str: _is_text}


def _no_constant(name: str) -> Any:
    raise ContentError(f"{name}: no number of JSON")


_JSON = json.JSONDecoder(parse_constant=_no_constant)
"""Made once: a large sweep has records by the ten thousand."""


_PARTS: dict[str, dict[str, Check]] = {
    "axes": {"symbol": _conforms(str), "values": _conforms(list[str])},
    "sources": {"path": _conforms(str), "sha256": _conforms(str)},
    "dropped": {"count": _conforms(int), "reason": _conforms(str)},
}
"""What each item of a list of a plan's header must have."""
