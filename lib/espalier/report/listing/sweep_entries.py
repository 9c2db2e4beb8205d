"""The sweeps of a folder of results as they stand now, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from espalier.core.errors import UserError
from espalier.report.listing.list_cache import ListCache
from espalier.report.listing.listed_sweep import ListedSweep, UnreadableSweep
from espalier.report.listing.store_facts import read_facts
from espalier.store import results_dir
from espalier.store.locks import runner_of
from espalier.store.results_dir import STORE


def read_entries(
    results: Path, by: str | None = None
) -> tuple[list[ListedSweep], list[UnreadableSweep]]:
    """Return the sweeps of a folder of results, the newest first, and those that cannot be read.

    Each is ranked by `by`, or by what its plan says.
    """
    cache = ListCache(by)
    folders = sorted(results.glob("sweep_*"))
    read = [each for folder in folders for each in _read(folder, by, cache)]
    cache.sweep_up()
    entries = [each for each in read if isinstance(each, ListedSweep)]
    entries.sort(key=lambda each: (each.facts.order, each.folder), reverse=True)
    return entries, [each for each in read if isinstance(each, UnreadableSweep)]


def _read(
    folder: Path, by: str | None, cache: ListCache
) -> Iterator[ListedSweep | UnreadableSweep]:
    """Yield the sweep of a folder; nothing if it has none."""
    try:
        if lost := results_dir.without_store(folder):
            raise lost
        if (folder / STORE).exists():
            yield _listed(folder, by, cache)
    except (UserError, OSError) as error:
        yield UnreadableSweep(folder, str(error))


def _listed(folder: Path, by: str | None, cache: ListCache) -> ListedSweep:
    key = cache.key(folder)
    facts = cache.load(folder, key)
    if facts is None:
        facts = read_facts(folder, by)
        cache.save(folder, key, facts)
    return ListedSweep(folder, bool(runner_of(folder)), facts)
