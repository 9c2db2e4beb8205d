"""A trial as a run of a tracker of experiments: a plain form that belongs to no tool.

It is made from the store once (sweep_runs.py). A file for each tool writes it and reads it back as
the same form. Times are whole milliseconds since 1970, which every tool can hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from espalier.core.texts.shortening import shorten
from espalier.core.trial import Record
from espalier.report.sweep_summary import typed

Value = float | str
"""A number, NaN where it was not finite; or a text, which is JSON for a list or an object."""
FIELDS = ("id", "name", "group", "status", "started", "finished")
"""The single values of a run."""
OWN = (*FIELDS, "tags")
"""The fields that tools without a place for each have together, as JSON."""
LONGEST = 60
"""Characters of a value that a difference shows."""
FINAL = "final/"
"""What the names of final measures begin with, in tools that do not tell them from a history."""


class RunPoint(NamedTuple):
    """What one record of a history holds. The times of a run's points increase."""

    step: int
    time: int
    values: Mapping[str, Value]


class Sample(NamedTuple):
    """One value of a series."""

    name: str
    step: int
    time: int
    value: Value


@dataclass(frozen=True)
class TrackedRun:
    """A trial that has ended.

    `group` is the configuration, which seeds have in common. `parameters` are all symbols of the
    trial with their canonical texts. A run that was read may have them as `typed` values instead.
    """

    id: str
    name: str
    group: str
    status: str
    started: int
    finished: int
    tags: Mapping[str, str]
    parameters: Mapping[str, Any]
    measures: Mapping[str, Value]
    history: tuple[RunPoint, ...]

    @property
    def typed_parameters(self) -> dict[str, bool | float | str]:
        """The parameters as switches, numbers and texts."""
        return {name: typed_value(text) for name, text in self.parameters.items()}

    @property
    def about(self) -> Record:
        """The fields of OWN, by name."""
        return {name: getattr(self, name) for name in OWN}

    @property
    def last_step(self) -> int:
        """The step of the last point; 0 without a history."""
        return self.history[-1].step if self.history else 0

    def as_json(self) -> Record:
        """Return this run as a JSON object, with NaN and infinite numbers as Python has them."""
        return {**vars(self), "history": [list(point) for point in self.history]}

    @classmethod
    def from_json(cls, record: Record) -> TrackedRun:
        """Return the run that `as_json` turned into `record`."""
        return cls(**{**record, "history": tuple(RunPoint(*point) for point in record["history"])})


def typed_value(text: str) -> bool | float | str:
    """Return a canonical text as `typed`; it stays a text where a 64-bit float would round it."""
    value = typed(text)
    exact = value is not None and (not isinstance(value, int) or abs(value) <= 2**53)
    return value if exact and value is not None else text


def samples(run: TrackedRun) -> Iterator[Sample]:
    """Yield every value of a run's history."""
    for point in run.history:
        for name, value in point.values.items():
            yield Sample(name, point.step, point.time, value)


def points(series: Iterable[Sample]) -> tuple[RunPoint, ...]:
    """Return the history that values of several series make; those of one time are a point."""
    steps: dict[int, int] = {}
    values: dict[int, dict[str, Value]] = {}
    for name, step, time, value in series:
        steps[time] = step
        values.setdefault(time, {})[name] = value
    return tuple(RunPoint(steps[time], time, values[time]) for time in sorted(values))


def differences(written: TrackedRun, read: TrackedRun | None) -> list[str]:
    """Return what a run that was read has otherwise than the one that was written; empty: nothing.

    Numbers are equal as 64-bit floats, and NaN equals NaN.
    """
    if read is None:
        return ["is not there"]
    before, after = _flat(written), _flat(read)
    names = dict.fromkeys([*before, *after])
    return [
        f"{' '.join(name)}: {_shown(before, name)} was written, {_shown(after, name)} was read"
        for name in names
        if name not in before or name not in after or not _equal(before[name], after[name])
    ]


def _flat(run: TrackedRun) -> dict[tuple[str, ...], Any]:
    """Return every single value of a run by its place."""
    own: dict[tuple[str, ...], Any] = {(name,): getattr(run, name) for name in FIELDS}
    own |= {("tag", name): text for name, text in run.tags.items()}
    own |= {("parameter", name): value for name, value in run.parameters.items()}
    own |= {("measure", name): value for name, value in run.measures.items()}
    own[("history",)] = len(run.history)
    for number, point in enumerate(run.history):
        place = ("history", str(number))
        own |= {(*place, "step"): point.step, (*place, "time"): point.time}
        own |= {(*place, "value", name): value for name, value in point.values.items()}
    return own


def _equal(written: Any, read: Any) -> bool:
    """Return whether values are the same; a text was perhaps read as what `typed_value` makes."""
    if isinstance(written, str) and not isinstance(read, str):
        written = typed_value(written)
        if isinstance(written, str) or isinstance(written, bool) != isinstance(read, bool):
            return False
    if isinstance(written, str) or isinstance(read, str):
        return bool(written == read)
    numbers = float(written), float(read)
    return numbers[0] == numbers[1] or (math.isnan(numbers[0]) and math.isnan(numbers[1]))


def _shown(values: Mapping[tuple[str, ...], Any], name: tuple[str, ...]) -> str:
    if name not in values:
        return "nothing"
    return shorten(repr(values[name]), LONGEST)
