"""Lines on how far a sweep is, from its store alone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from espalier.analysis.rank import TrialResult
from espalier.core.process.terminal import printable
from espalier.core.records import PlanHeader
from espalier.core.texts.program_name import EXECUTABLE, MAKE
from espalier.core.texts.shortening import shorten
from espalier.core.trees.needed_trees import external_text
from espalier.core.trial import LOG
from espalier.plan.sweep_naming import naming_lines
from espalier.report.failure_rows import ENDED_BADLY, common_failures, single_line
from espalier.run.displays.progress import (
    LONGEST,
    counted,
    executor_text,
    nodes_of,
    overall,
    placed_line,
    running_line,
)
from espalier.run.supplies.plan_growth import growth_line, may_grow
from espalier.store.locks import runner_of
from espalier.store.results_dir import STORE
from espalier.store.store import Store
from espalier.store.sweep_state import status_in

REASONS = 10
"""Reasons for failures that have a line."""


def status_lines(folder: Path) -> Iterator[str]:
    """Yield counts, what runs with its epoch and loss, the time to the end, or how to go on.

    Last comes what failed, each reason once.
    """
    with Store.open(folder / STORE, readonly=True) as store:
        sweep, command = status_in(store), continuing(folder, store.header)
        said, grows, standing = naming_lines(store.header), may_grow(store), growth_line(store)
        placed = placed_line(store.header, nodes_of(sweep))
        failures = list(_failures(folder, store))
    runner = runner_of(folder)
    yield str(folder)
    yield from said
    if standing:
        yield standing
    if runner:
        yield from (running_line(task) for task in sweep.running)
        yield overall(sweep)
        yield f"run by {runner}"
        if placed:
            yield placed
    elif sweep.done < sweep.total or grows:
        yield f"{sweep.done}/{sweep.total} done: {counted(sweep.counts) or 'none'}"
        yield f"no runner has it; `{command}` goes on where it stopped"
    else:
        yield f"finished: {counted(sweep.counts)}"
    yield from failures


def _failures(folder: Path, store: Store) -> Iterator[str]:
    """Yield a line for each reason for which trials did not pass, with the log of the first."""
    groups, rest = common_failures(_failed(store), REASONS)
    directories = store.directories()
    for group in groups:
        log = folder / directories[group[0].trial.number] / LOG
        yield f"{shorten(printable(single_line(group)), LONGEST)}; log: {log}"
    if rest:
        yield f"and {rest} more that did not pass, for other reasons"


def _failed(store: Store) -> list[TrialResult]:
    """Return the trials that ended and did not pass; of no other is the result read."""
    bad = [number for number, status in store.states().items() if status in ENDED_BADLY]
    trials = {trial.number: trial for trial in store.trials()} if bad else {}
    ends = {number: store.last_conclusive(number) for number in bad}
    return [
        TrialResult(trials[n], last[1], len(store.attempts(n))) for n, last in ends.items() if last
    ]


def continuing(folder: Path, header: PlanHeader) -> str:
    """Return the command that goes on with a sweep, whatever has become of its plan since.

    An entry, as a tree outside, is always given anew, as a file is not to say what code runs; make
    would not hand on the path that an entry is found on.
    """
    place = shlex.quote(str(folder))
    trees = f" {text}" if (text := external_text(header.trees)) else ""
    executor = f" {text}" if (text := executor_text(header)) else ""
    if header.entry:
        command = f"{EXECUTABLE} sweep-run"
        entry = f"--entry {shlex.quote(header.entry)}"
        return f"{trees} {command} --dir {place} {entry}{executor}".strip()
    return f"{MAKE} sweep-run DIR={place}{trees}{executor}"
