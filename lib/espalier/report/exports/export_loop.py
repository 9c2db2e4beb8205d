"""Export runs with the writer of a tool: what is there already is left, the rest is written.

Each run is read before and after with the tool's own library. So a second export writes nothing,
one after more trials writes those, one after a kill completes what is there, and whatever a tool
does not give back as it was written is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Protocol

from espalier.core.errors import UserError
from espalier.report.exports.tracked_run import TrackedRun, differences

SHOWN = 3
"""Of many differences of a run, those that the error names."""


class Outcome(StrEnum):
    """What became of a run."""

    NEW = "new"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


class RunWriter(Protocol):
    """A tool's files of one sweep, in the current folder."""

    def read(self, run: TrackedRun) -> TrackedRun | None:
        """Return the run of this id as the tool's library reads it; None if there is none."""

    def write(self, run: TrackedRun) -> None:
        """Write a run in place of the one that has its id, if there is one."""


class ReadBackError(UserError):
    """A tool gave a run back otherwise than it was written."""


def export_runs(runs: Iterable[TrackedRun], writer: RunWriter) -> Iterator[Outcome]:
    """Export runs one by one. Raises ReadBackError at the first that is not read as written."""
    for run in runs:
        there = writer.read(run)
        if not differences(run, there):
            yield Outcome.UNCHANGED
            continue
        writer.write(run)
        if lost := differences(run, writer.read(run)):
            more = f" (and {len(lost) - SHOWN} more)" if len(lost) > SHOWN else ""
            raise ReadBackError(f"{run.name}: {'; '.join(lost[:SHOWN])}{more}")
        yield Outcome.NEW if there is None else Outcome.REPLACED


def counted(outcomes: Counter[Outcome]) -> str:
    """Return outcomes in words: `30 new, 0 replaced, 4 unchanged`."""
    return ", ".join(f"{outcomes[each]:,} {each}" for each in Outcome)
