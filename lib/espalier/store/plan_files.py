"""What a sweep planned, in files beside its store, so that the store can be made again from files.

`sweep.json` has the header, and changes with it; `trials.jsonl` has a line for each trial. Folders
of older versions get them when they are gone on with.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from espalier.core import decoding, names, strict_json
from espalier.core.atomic_write import atomic_write
from espalier.core.process import disk_full
from espalier.core.records import PlanHeader
from espalier.core.text_files import read_text, split_lines
from espalier.core.trial import Trial
from espalier.store.store import Store
from espalier.store.sweep_files import SWEEP, TRIALS


class SweepRecord(NamedTuple):
    """The content of sweep.json: the header, the round, the start, and the order of the sweep."""

    header: PlanHeader
    round: int
    created: float
    order: float


class PlannedTrial(NamedTuple):
    """A line of trials.jsonl: a trial and the name of its folder."""

    trial: Trial
    directory: str


def write(folder: Path, store: Store) -> None:
    """Write the files of a sweep as its store has them, unless they say that already."""
    record = SweepRecord(store.header, store.round, store.created, store.order)
    text = strict_json.pretty({**record._asdict(), "header": record.header.as_json()})
    with disk_full.reported(folder):
        for name, content in ((SWEEP, text), (TRIALS, _lines(store))):
            if _text(folder / name) != content:
                atomic_write(folder / name, content, sync=True)


def _lines(store: Store) -> str:
    lines = (
        f'{{"directory":{strict_json.encode(name)},"trial":{record}}}\n'
        for name, record in store.trial_records()
    )
    return "".join(lines)


def _text(path: Path) -> str | None:
    with suppress(OSError, ValueError):
        return read_text(path)
    return None


def read_sweep(folder: Path) -> SweepRecord:
    """Return sweep.json. Raises OSError if there is none, ValueError if it is damaged."""
    content = json.loads(read_text(folder / SWEEP))
    if not isinstance(content, dict):
        raise decoding.ContentError(f"{SWEEP}: must be an object")
    header = decoding.header(content.get("header"))
    created, order = (decoding.number(content.get(name)) for name in ("created", "order"))
    return SweepRecord(header, decoding.whole(content.get("round")), created, order)


def read_trials(folder: Path) -> Sequence[PlannedTrial]:
    """Return trials.jsonl. Raises OSError if there is none, ValueError if it is damaged."""
    return [_planned(line, folder) for line in split_lines(read_text(folder / TRIALS))]


def _planned(line: str, folder: Path) -> PlannedTrial:
    record = decoding.value(line)
    if not isinstance(record, dict):
        raise decoding.ContentError(f"{TRIALS}: must have an object a line")
    name = names.checked(record.get("directory"), folder / TRIALS)
    return PlannedTrial(decoding.trial(record.get("trial")), name)
