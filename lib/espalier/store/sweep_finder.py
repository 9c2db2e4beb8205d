"""Find the sweep of a plan among the folders of results, and stop where its store is no use.

To begin such a sweep again in silence would train everything that it had finished a second time.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from espalier.core import decoding
from espalier.core.errors import UserError
from espalier.plan.sweep_naming import shorten_value
from espalier.store import plan_files
from espalier.store.busy import READER, StoreBusyError
from espalier.store.results_dir import SCANNED, STORE, metrics_files, without_store
from espalier.store.sqlite_errors import CONTENT
from espalier.store.store import Store

_FEW = 5  # files of trials that say which plan a folder without plan files is of


class _Candidate(NamedTuple):
    """A sweep of the plan: its place among others, its folder, and what is wrong with its store."""

    order: float
    folder: Path
    fault: UserError | None
    name: str | None = None  # of the sweep, as far as that can be read


def latest_of(
    results: Path, plan_id: str, ids: Collection[str], name: str | None = None
) -> Path | None:
    """Return the latest sweep of a plan in `results`, or None. `ids` are those of its trials.

    With a `name` it is the latest that is called so. Raises UserError if the plan has sweeps, but
    none of that name, and if the store of the sweep is damaged, gone, locked or of another version.
    Prints a note for such stores of other sweeps.
    """
    candidates = [
        candidate
        for folder in sorted(results.glob("sweep_*"))
        if folder.is_dir()
        for candidate in _candidates(folder, plan_id, ids)
    ]
    if not candidates:
        return None
    latest = max(candidates, key=lambda each: (each.name == name, *each[:2]) if name else each[:2])
    check_called(latest.folder, latest.name, name)
    if latest.fault is not None:
        raise UserError(f"{latest.fault}; NEW=1 (--new) begins new results") from latest.fault
    return latest.folder


def check_called(folder: Path, name: str | None, given: str | None) -> None:
    """Raise UserError if a name is given, and the sweep to go on with has another, or none."""
    if given is not None and name != given:
        called = f"is named {shorten_value(name)}" if name else "has no name"
        raise UserError(
            f"NAME={given}: {folder} is a sweep of this plan and {called}; "
            "leave NAME out to go on with it, or begin another one with NEW=1"
        )


def _candidates(folder: Path, plan_id: str, ids: Collection[str]) -> Iterator[_Candidate]:
    try:
        if fault := without_store(folder):
            raise fault
        if (folder / STORE).exists():
            yield from _usable(folder, plan_id, SCANNED)
    except StoreBusyError as busy:
        if _claims(folder, plan_id, ids):
            yield from _waited_for(folder, plan_id, busy)
        else:
            _note(busy)
    except (UserError, OSError) as error:
        if _claims(folder, plan_id, ids):
            yield _Candidate(_order(folder), folder, UserError(str(error)), _name(folder))
        else:
            _note(error)


def _usable(folder: Path, plan_id: str, patience: float) -> Iterator[_Candidate]:
    with Store.open(folder / STORE, readonly=True, patience=patience) as store:
        if store.header.plan_id == plan_id:
            yield _Candidate(store.order, folder, None, store.header.name)


def _waited_for(folder: Path, plan_id: str, busy: StoreBusyError) -> Iterator[_Candidate]:
    try:
        yield from _usable(folder, plan_id, READER)
    except StoreBusyError:
        yield _Candidate(_order(folder), folder, busy, _name(folder))


def _claims(folder: Path, plan_id: str, ids: Collection[str]) -> bool:
    """Return whether the files of a folder say that it is a sweep of the plan."""
    with suppress(OSError, *CONTENT):
        return plan_files.read_sweep(folder).header.plan_id == plan_id
    stored = [name for file in metrics_files(folder)[:_FEW] if (name := _id_in(file))]
    return bool(stored) and all(name in ids for name in stored)


def _order(folder: Path) -> float:
    with suppress(OSError, *CONTENT):
        return plan_files.read_sweep(folder).order
    return max((file.stat().st_mtime for file in metrics_files(folder)), default=0.0)


def _name(folder: Path) -> str | None:
    with suppress(OSError, *CONTENT):
        return plan_files.read_sweep(folder).header.name
    return None


def _id_in(file: Path) -> str:
    with suppress(OSError, *CONTENT):
        return str(decoding.value(file.read_text(encoding="utf-8"))["test_id"])
    return ""


def _note(error: Exception) -> None:
    print(f"note: left out: {error}", file=sys.stderr)
