"""The mask events of the best configurations of a page, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TypeVar

from espalier.core.trial import Record
from espalier.report.html.page_input import PageInput
from espalier.report.masks.logged_masks import LoggedMasks, logged_masks
from espalier.report.tables.trial_tables import TrialFolders

LOGGED = 30
"""Runs whose events a page has at most."""
EVENTS = 400
"""Events of a run at most: of more, as many that are evenly spread, with the last one."""
ItemT = TypeVar("ItemT")


def mask_data(page: PageInput) -> list[Record]:
    """Return the events of one trial of each configuration that logged them, the best first."""
    folders = TrialFolders(page.folder, page.directories)
    logs = logged_masks(page.header, page.ranking, folders)
    return [_record(page, log) for log in islice(logs, LOGGED)]


def _record(page: PageInput, log: LoggedMasks) -> Record:
    pairs = spread(list(zip(log.events, log.layer_densities(), strict=True)))
    events = [event for event, _ in pairs]
    return {
        "name": log.trial.trial.name,
        "place": page.places[id(log.item)],
        "step": [event.step for event in events],
        "churn": _rounded([event.churn for event in events]),
        "before": _rounded([event.jaccard_before for event in events]),
        "largest": _rounded([event.jaccard_magnitude for event in events]),
        "explored": _rounded([event.explored or 0.0 for event in events]),
        "end": log.explored[-1],
        "density": _rounded([event.density for event in events]),
        "sparsest": _rounded([low for _, (low, _) in pairs]),
        "densest": _rounded([high for _, (_, high) in pairs]),
    }


def spread(items: Sequence[ItemT]) -> list[ItemT]:
    """Return all items, or EVENTS of them evenly spread from the first to the last."""
    count = len(items)
    if count <= EVENTS:
        return list(items)
    return [items[place * (count - 1) // (EVENTS - 1)] for place in range(EVENTS)]


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 5) for value in values]
