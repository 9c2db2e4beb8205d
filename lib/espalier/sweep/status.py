"""How far a sweep is, told from its store alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from espalier.sweep.progress import counted, overall, running_line
from espalier.sweep.results_dir import STORE, runner_of
from espalier.sweep.standing import stored
from espalier.sweep.store import Store


def status_lines(folder: Path) -> Iterator[str]:
    """Counts, what is running with its epoch and loss, the time to the end, or how to go on."""
    with Store.open(folder / STORE, readonly=True) as store:
        snapshot, command = stored(store), store.header["command"]
    runner = runner_of(folder)
    yield str(folder)
    if runner:
        yield from (running_line(one) for one in snapshot.running)
        yield overall(snapshot)
        yield f"run by {runner}"
    elif snapshot.done < snapshot.total:
        yield f"{snapshot.done}/{snapshot.total} done: {counted(snapshot.counts) or 'none'}"
        yield f"nobody runs it; `{command}` goes on where it stopped"
    else:
        yield f"finished: {counted(snapshot.counts)}"
