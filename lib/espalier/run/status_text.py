"""Lines on how far a sweep is, from its store alone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from espalier.analysis.race_standing import standing
from espalier.core.records import PlanHeader
from espalier.core.texts.program_name import EXECUTABLE, MAKE
from espalier.core.trees.needed_trees import external_text
from espalier.plan.sweep_naming import naming_lines
from espalier.report.race_report import round_line
from espalier.run.displays.progress import counted, overall, running_line
from espalier.store.locks import runner_of
from espalier.store.results_dir import STORE
from espalier.store.store import Store
from espalier.store.sweep_state import status_in


def status_lines(folder: Path) -> Iterator[str]:
    """Yield counts, what runs with its epoch and loss, the time to the end, or how to go on."""
    with Store.open(folder / STORE, readonly=True) as store:
        sweep, command = status_in(store), continuing(folder, store.header)
        rules = store.header.race
        said = naming_lines(store.header)
        race = standing(store.final_results(), rules) if rules else None
    runner = runner_of(folder)
    yield str(folder)
    yield from said
    if race:
        yield round_line(race)
    if runner:
        yield from (running_line(task) for task in sweep.running)
        yield overall(sweep)
        yield f"run by {runner}"
    elif sweep.done < sweep.total or (race and not race.state.ended):
        yield f"{sweep.done}/{sweep.total} done: {counted(sweep.counts) or 'none'}"
        yield f"nobody runs it; `{command}` goes on where it stopped"
    else:
        yield f"finished: {counted(sweep.counts)}"


def continuing(folder: Path, header: PlanHeader) -> str:
    """Return the command that goes on with a sweep, whatever has become of its plan since.

    An entry, as a tree outside, is always given anew, as a file is not to say what code runs; make
    would not hand on the path that an entry is found on.
    """
    place = shlex.quote(str(folder))
    trees = f" {text}" if (text := external_text(header.trees)) else ""
    if header.entry:
        command = f"{EXECUTABLE} sweep-run"
        entry = f"--entry {shlex.quote(header.entry)}"
        return f"{trees} {command} --dir {place} {entry}".strip()
    return f"{MAKE} sweep-run DIR={place}{trees}"
