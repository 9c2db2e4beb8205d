"""The trials of a sweep as runs of a tracker."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espalier.analysis.rank import TrialResult
from espalier.core import strict_json
from espalier.core.records import PlanHeader
from espalier.core.trial import Record, Result, Status
from espalier.report.exports.tracked_run import RunPoint, TrackedRun, Value
from espalier.report.frames.sweep_frames import configuration_names
from espalier.report.frames.typed_columns import LARGEST
from espalier.report.reports import trial_results
from espalier.report.sweep_summary import is_withheld
from espalier.store.attempt import Attempt
from espalier.store.results_dir import STORE
from espalier.store.store import Store

TEST = "test_"
"""What measures on the test data begin with."""
LATEST = 253_402_300_799
"""The last second of the year 9999, in seconds since 1970; a later one has no date."""


@dataclass(frozen=True)
class StoredSweep:
    """What a store has: its folder's name, header, trials with results, attempts.

    `created` is when the sweep began, in seconds since 1970. Two sweeps of one name differ in it.
    """

    name: str
    created: float
    header: PlanHeader
    results: Sequence[TrialResult]
    attempts: Sequence[Attempt]


def read_sweep(folder: Path) -> StoredSweep:
    """Return the sweep in `folder`. Raises UserError if it has no store, or none that is whole."""
    with Store.open(folder / STORE, readonly=True) as store:
        name, results = _clean(folder.resolve().name), trial_results(store)
        return StoredSweep(name, store.created, store.header, results, store.attempts())


def tracked_runs(sweep: StoredSweep) -> list[TrackedRun]:
    """Return a run for each trial that has ended, in plan order.

    Accuracies and losses of a trial that did not pass are left out of its final measures, as in
    sweep_summary.json. Measures on the test data are final measures only.
    """
    groups = configuration_names(sweep.results)
    last = {item.trial: item for item in sweep.attempts if item.conclusive}
    return [
        _run(sweep, item, groups[item.trial.number], last[item.trial.number])
        for item in sweep.results
        if item.result.status is not Status.NOTRUN
    ]


def _run(sweep: StoredSweep, item: TrialResult, group: str, attempt: Attempt) -> TrackedRun:
    trial, result = item.trial, item.result
    started = _milliseconds(attempt.started)
    history = _points(result.history, attempt.started)
    ends = [started, _milliseconds(attempt.finished or 0.0), *(point.time + 1 for point in history)]
    tags = {"trial_id": trial.id, "sweep": sweep.name, "attempts": str(item.attempts)}
    tags |= {"reason": result.reason, "message": result.message}
    tags |= {"device": attempt.device} | _provenance(result) | _notes(sweep.header)
    return TrackedRun(
        id=_identity(sweep, trial.id),
        name=trial.name,
        group=group,
        status=str(result.status),
        started=started,
        finished=max(ends),
        tags={name: _clean(text) for name, text in tags.items() if text},
        parameters={_clean(name): _clean(text) for name, text in trial.config.items()},
        measures=_values(_final(result)),
        history=history,
    )


def _identity(sweep: StoredSweep, trial: str) -> str:
    """Return the id of a trial's run: the same at each export, and another in another sweep."""
    text = json.dumps([sweep.created, sweep.header.plan_id, trial])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _final(result: Result) -> Record:
    return {name: value for name, value in result.measures.items() if not is_withheld(result, name)}


def _provenance(result: Result) -> dict[str, str]:
    """Return where a result came from, as far as it was recorded."""
    origin = result.provenance
    code = origin.code.commit if origin.code else None
    texts = {"device": origin.device, "platform": origin.platform, "commit": code}
    texts["versions"] = strict_json.encode(dict(origin.versions)) if origin.versions else None
    return {name: text for name, text in texts.items() if text}


def _notes(header: PlanHeader) -> dict[str, str]:
    """Return what people wrote of a sweep, as far as they did."""
    notes = {"sweep_name": header.name, "sweep_note": header.note}
    notes["sweep_tags"] = strict_json.encode(header.tags) if header.tags else None
    return {name: text for name, text in notes.items() if text}


def _points(history: Sequence[Record], started: float) -> tuple[RunPoint, ...]:
    """Return the points of a history; what has no value beside its step is none."""
    axis = next((name for name in ("step", "epoch") if _counts(history, name)), "")
    made = []
    for number, (record, time) in enumerate(zip(history, _times(history, started), strict=True), 1):
        chosen = {
            name: value
            for name, value in record.items()
            if name != axis and not name.startswith(TEST)
        }
        if chosen:
            made.append(RunPoint(record[axis] if axis else number, time, _values(chosen)))
    return tuple(made)


def _counts(history: Sequence[Record], name: str) -> bool:
    """Return whether every record has a whole number of this name."""
    return all(type(record.get(name)) is int for record in history)


def _times(history: Sequence[Record], started: float) -> list[int]:
    """Return when each record was made, at least a millisecond after the one before it.

    It is the start and the `seconds` of all epochs up to it, or else the start alone.
    """
    spent = [record.get("seconds", -1.0) for record in history]
    recorded = all(each is not None and 0 <= each < LATEST for each in spent)
    sums = itertools.accumulate(spent if recorded else [0.0] * len(spent))
    times = [_milliseconds(started + each) for each in sums]
    return list(itertools.accumulate(times, lambda last, own: max(last + 1, own)))


def _milliseconds(seconds: float) -> int:
    return round(1000 * min(max(seconds, 0.0), LATEST))


def _values(record: Mapping[str, Any]) -> dict[str, Value]:
    return {_clean(name): _value(value) for name, value in record.items()}


def _value(value: Any) -> Value:
    """Return a number or a text. null stands for a number that was not finite.

    A whole number of more bits than tools have is a text.
    """
    if value is None:
        return math.nan
    if isinstance(value, int) and abs(value) > LARGEST:
        return str(value)
    if isinstance(value, (bool, int, float)):
        return value + 0
    return _clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _clean(text: str) -> str:
    r"""Return text that can be written: half a surrogate pair becomes `\udcff`."""
    return text.encode(errors="backslashreplace").decode()


def left_out(results: Iterable[TrialResult]) -> int:
    """Return how many trials have not ended."""
    return sum(item.result.status is Status.NOTRUN for item in results)
