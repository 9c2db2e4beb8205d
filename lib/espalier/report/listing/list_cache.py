"""What the list said of a sweep, kept until its store or the code changes.

To rank a sweep anew takes some 10 ms, and a list is of hundreds that ended long ago. One file a
sweep in the user's cache folder; each may be lost or damaged at no cost but time.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from itertools import accumulate
from pathlib import Path

from espalier.core import revision, strict_json
from espalier.core.atomic_write import atomic_write
from espalier.core.paths import cache_folder
from espalier.report.listing.listed_sweep import SweepFacts
from espalier.store.results_dir import STORE

KEPT, MOST_BYTES = 2000, 200_000_000
"""Sweeps and bytes at most: those listed anew last."""
LONGEST = 90 * 86400.0
"""Seconds after which what was not listed anew is given up."""
LOGS = ("-wal", "-journal")
"""What the file of a store may have beside it, where it is not all."""
QUIET = 2.0
"""Seconds since the last change after which the time stamp of a file tells another change."""


class ListCache:
    """The facts of the sweeps in the cache; those of a sweep are valid under one key."""

    def __init__(self, by: str | None) -> None:
        """Keep facts of sweeps that are ranked by `by`, or by what else says it."""
        self._place = cache_folder() / "sweeps"
        self._by = [by, os.environ.get("RANK_BY")]
        self._grown = False

    def key(self, folder: Path) -> str:
        """Return what the facts of a sweep depend on: its store, this code, what ranks.

        It must be taken before the store is read.
        """
        return strict_json.encode([revision.sources(), self._by, _stamps(folder)])

    def load(self, folder: Path, key: str) -> SweepFacts | None:
        """Return the facts that are kept under the key; None if there are none."""
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            kept, _, text = self._path(folder).read_text(encoding="utf-8").split("\n", 2)
            if kept == key:
                return SweepFacts.from_json(json.loads(text))
        return None

    def save(self, folder: Path, key: str, facts: SweepFacts) -> None:
        """Keep facts of a store that no longer changes; a cache that cannot be written is none."""
        with suppress(OSError):
            changed = max((when for *_, when in _stamps(folder)), default=0) / 1e9
            if time.time() - changed > QUIET:
                self._place.mkdir(parents=True, exist_ok=True)
                place = strict_json.encode(str(folder.absolute()))
                text = f"{key}\n{place}\n{strict_json.encode(facts.as_json())}"
                atomic_write(self._path(folder), text)
                self._grown = True

    def sweep_up(self) -> None:
        """Remove what is old, of sweeps that are gone, or beyond what is kept.

        As long as nothing was added, nothing is looked through.
        """
        if self._grown:
            with suppress(OSError):
                for path in _given_up(self._place):
                    path.unlink(missing_ok=True)

    def _path(self, folder: Path) -> Path:
        name = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:24]
        return self._place / f"{name}.json"


def _given_up(place: Path) -> list[Path]:
    """Return the files of a cache that are not to be kept."""
    stats = {path: path.stat() for path in place.iterdir()}
    newest = sorted(stats, key=lambda path: stats[path].st_mtime, reverse=True)
    sizes = list(accumulate(stats[path].st_size for path in newest))
    kept = sum(size <= MOST_BYTES for size in sizes[:KEPT])
    oldest = time.time() - LONGEST
    gone = [p for p in newest[:kept] if stats[p].st_mtime < oldest or _is_orphan(p)]
    return [*newest[kept:], *gone]


def _is_orphan(path: Path) -> bool:
    """Return whether a file of the cache is of no sweep that is there, or cannot be read."""
    with suppress(OSError, ValueError, TypeError), path.open(encoding="utf-8") as file:
        file.readline()
        return not (Path(json.loads(file.readline())) / STORE).exists()
    return True


def _stamps(folder: Path) -> list[tuple[str, int, int, int]]:
    """Return what changes with the files of a store, the time of the last change last.

    A log that a reader left is empty, and none.
    """
    stats = []
    for name in (STORE, *(f"{STORE}{suffix}" for suffix in LOGS)):
        with suppress(FileNotFoundError):
            stat = (folder / name).stat()
            if stat.st_size:
                stats.append((name, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return stats
