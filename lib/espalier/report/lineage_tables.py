"""The tables of births and deaths that the trials of a sweep left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from espalier.core.errors import UserError
from espalier.core.trial import Result, Trial
from espalier.methods.apoptosis.neurons.lineage import TABLE
from espalier.store.results_dir import STORE
from espalier.store.store import Store


class LineageTable(NamedTuple):
    """The table of a trial, and the updates that it did; 0 if that was not recorded."""

    trial: Trial
    path: Path
    steps: int


def lineage_tables(folder: Path, names: Sequence[str]) -> Iterator[LineageTable]:
    """Yield the table of each trial called `names`, or of all trials.

    Raises UserError if there is no such trial, or none left a table.
    """
    with Store.open(folder / STORE, readonly=True) as store:
        trials, directories = store.final_results(), store.directories()
    by_name = {trial.name: (trial, result) for trial, result, _ in trials}
    if wrong := [name for name in names if name not in by_name]:
        some = ", ".join([*by_name][:3])
        raise UserError(f"{wrong[0]}: no trial of {folder}, which has {some} and so on")
    chosen = [by_name[name] for name in names or by_name]
    tables = [
        LineageTable(trial, folder / directories[trial.number] / TABLE, _steps(result))
        for trial, result in chosen
    ]
    there = [table for table in tables if names or table.path.is_file()]
    if not there:
        raise UserError(f"{folder}: no trial left a {TABLE}, as methods with births and deaths do")
    yield from there


def _steps(result: Result) -> int:
    """Return the number of updates done; 0 if that was not recorded."""
    return int(result.measures.get("steps") or 0)
