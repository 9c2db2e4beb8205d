"""The mask events of a run of each configuration, the best first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from espalier.analysis.rank import Configuration, Ranking, TrialResult
from espalier.core.records import PlanHeader
from espalier.report.tables.trial_tables import TrialFolders, first_tables
from espalier.train.masks.mask_table import (
    TABLE,
    WHOLE,
    MaskEvent,
    read_mask_events,
    whole_network,
)


@dataclass(frozen=True)
class LoggedMasks:
    """The log of one run of a configuration: all rows of its table."""

    item: Configuration
    trial: TrialResult
    rows: list[MaskEvent]

    @property
    def events(self) -> list[MaskEvent]:
        """The rows of all weights together, one an event."""
        return whole_network(self.rows)

    @property
    def later(self) -> list[MaskEvent]:
        """The events after the first update; all of them where there is none later.

        At the first step a network becomes sparse at once, and no later change is as large.
        """
        return [event for event in self.events if event.step > 0] or self.events

    @property
    def explored(self) -> list[tuple[int, float]]:
        """The updates done and the share of weights ever live, at each event and at the end."""
        points = [(event.step, event.explored or 0.0) for event in self.events]
        end, share = self.trial.measure("steps"), self.trial.measure("explored_share")
        return points if end is None or share is None else [*points, (int(end), float(share))]

    def layer_densities(self) -> list[tuple[float, float]]:
        """Return the density of the sparsest and of the densest layer after each event."""
        by_event: dict[int, list[float]] = {event.event: [] for event in self.events}
        for row in self.rows:
            if row.layer != WHOLE and row.event in by_event:
                by_event[row.event].append(row.density)
        return [(min(each, default=0.0), max(each, default=0.0)) for each in by_event.values()]


def logs_masks(header: PlanHeader) -> bool:
    """Return whether the trials of a sweep log their mask events."""
    return (header.settings or {}).get("MASK_LOG") == "y"


def logged_masks(
    header: PlanHeader, ranking: Ranking, folders: TrialFolders
) -> Iterator[LoggedMasks]:
    """Yield the log of the first trial of each ranked configuration that has events in one."""
    if not logs_masks(header):
        return
    for item, trial, rows in first_tables(ranking, folders, TABLE, read_mask_events):
        logged = LoggedMasks(item, trial, rows)
        if logged.events:
            yield logged
