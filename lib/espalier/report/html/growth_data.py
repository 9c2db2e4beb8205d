"""What grew, and which neurons were exchanged: from the tables that trials left, as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from espalier.analysis.rank import Configuration, TrialResult
from espalier.core.trial import Record
from espalier.methods.apoptosis.neurons import lineage as births
from espalier.methods.apoptosis.neurons.lineage import Lineage
from espalier.methods.growth import growth_table
from espalier.methods.growth.growth_table import read_growth
from espalier.report.figures.lineage_lives import (
    NeuronLife,
    ages_between_events,
    descents,
    generations,
    lives,
)
from espalier.report.html.page_input import PageInput
from espalier.report.tables.trial_tables import TrialFolders, first_tables

LIVES = 4000
"""Lives of neurons that a page draws: those of the first configurations of the ranking."""
LINEAGES = 8
"""Trials whose lineages it has at most."""
GROWN = 60
"""Trials whose growth it has at most."""
LAYERS = 6
"""Layers of a lineage at most."""
ReadT = TypeVar("ReadT")


def growth_data(page: PageInput) -> Record:
    """Return the lineages and the growth of one trial of each configuration, the best first."""
    return {"lineages": list(_lineages(page)), "grown": list(_grown(page))}


def _tables(
    page: PageInput, name: str, read: Callable[[Path], ReadT]
) -> Iterator[tuple[Configuration, TrialResult, ReadT]]:
    return first_tables(page.ranking, TrialFolders(page.folder, page.directories), name, read)


def _lineages(page: PageInput) -> Iterator[Record]:
    room = LIVES
    for n, (item, trial, read) in enumerate(_tables(page, births.TABLE, Lineage.read)):
        last = max([_steps(trial), *(event.step for event in read.events)])
        layers = [_layer(read, name, last) for name in read.layers[:LAYERS]]
        room -= sum(len(each["slot"]) for each in layers)
        if room < 0 or n == LINEAGES:
            return
        yield {**_of(page, item, trial), "last": last, "layers": layers}


def _of(page: PageInput, item: Configuration, trial: TrialResult) -> Record:
    """Return which trial a table is of, and the place of its configuration in the page."""
    return {"name": trial.trial.name, "place": page.places[id(item)]}


def _steps(trial: TrialResult) -> int:
    return int(trial.measure("steps") or 0)


def _layer(read: Lineage, name: str, last: int) -> Record:
    own = lives(read, name, last)
    depths = generations(read)
    ages = [(step, _summary(each)) for step, each in ages_between_events(read, name, last) if each]
    return {
        "name": name,
        **_lives(own),
        "generation": [depths.get(life.id, 0) for life in own],
        "ties": descents(read, name, last),
        "ages": [[step, *summary] for step, summary in ages],
    }


def _lives(own: list[NeuronLife]) -> Record:
    return {
        "slot": [life.slot for life in own],
        "start": [life.start for life in own],
        "end": [life.end for life in own],
    }


def _summary(ages: list[int]) -> tuple[int, float, int]:
    return min(ages), round(sum(ages) / len(ages), 1), max(ages)


def _grown(page: PageInput) -> Iterator[Record]:
    tables = _tables(page, growth_table.TABLE, read_growth)
    for item, trial, steps in islice(tables, GROWN):
        yield {
            **_of(page, item, trial),
            "last": _steps(trial),
            "step": [each.step for each in steps],
            "live": [each.live for each in steps],
            "added": [each.added for each in steps],
            "dropped": [each.dropped for each in steps],
        }
