"""The tables that trials leave in their folders: one of each configuration, the best first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from espalier.analysis.rank import Configuration, Ranking, TrialResult
from espalier.core.errors import UserError
from espalier.store.results_dir import STORE
from espalier.store.store import Store

LARGEST = 4_000_000
"""Bytes of a table; one that is larger is left alone."""
ReadT = TypeVar("ReadT")


class TrialFolders(NamedTuple):
    """The folder of a sweep, and that of each trial in it, by its number."""

    sweep: Path
    directories: Mapping[int, str]

    def path(self, trial: TrialResult, name: str) -> Path:
        """Return the path of a file that a trial may have left."""
        return self.sweep / self.directories[trial.trial.number] / name


NO_FOLDERS = TrialFolders(Path(), {})
"""Those of a sweep without trials."""


def open_folders(sweep: Path) -> TrialFolders:
    """Return the folders of the sweep in a folder. Raises UserError without a store."""
    with Store.open(sweep / STORE, readonly=True) as store:
        return TrialFolders(sweep, store.directories())


def first_tables(
    ranking: Ranking, folders: TrialFolders, name: str, read: Callable[[Path], ReadT]
) -> Iterator[tuple[Configuration, TrialResult, ReadT]]:
    """Yield the table of the first trial of each ranked configuration that left one.

    A file that is no such table, as of a store of others, is left out.
    """
    for item in ranking.ranked:
        for trial in item.counted:
            if (table := read_table(folders.path(trial, name), read)) is not None:
                yield item, trial, table
                break


def read_table(path: Path, read: Callable[[Path], ReadT]) -> ReadT | None:
    """Return what `read` makes of a file; None if it is not there, too large or no such table."""
    try:
        return read(path) if path.is_file() and path.stat().st_size <= LARGEST else None
    except (UserError, OSError):
        return None
