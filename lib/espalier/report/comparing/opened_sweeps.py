"""Sweeps as they stand in their folders, to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from espalier.analysis.rank import Ranking, TrialResult, rank, recorded
from espalier.core.errors import UserError
from espalier.core.records import PlanHeader
from espalier.core.trial import Status
from espalier.kconfig.declared_measures import resolve
from espalier.report.reports import RACE, ranking_measure, trial_results
from espalier.store.results_dir import STORE
from espalier.store.store import Store


@dataclass(frozen=True)
class OpenedSweep:
    """A sweep: its folder, its plan's header, all its trials as they stand, what ranks them.

    `running` are the numbers of the trials that were being trained.
    """

    folder: Path
    header: PlanHeader
    results: tuple[TrialResult, ...]
    by: str
    running: frozenset[int] = frozenset()

    @property
    def raced(self) -> bool:
        """Whether its seeds were given out by a race."""
        return self.header.race is not None or (self.folder / RACE).is_file()

    def ranked_by(self, by: str | None) -> OpenedSweep:
        """Return it with `by` as what ranks; with None as it is.

        Raises UserError for a measure that no trial has and whose direction nothing says.
        """
        return replace(self, by=resolve(by, recorded(self.results))) if by else self

    @property
    def ranking(self) -> Ranking:
        """Its configurations, best first."""
        return rank(self.results, self.by, self.raced)


def open_sweep(folder: Path, by: str | None = None) -> OpenedSweep:
    """Return the sweep in `folder`. Raises UserError if it has no store, or none that is whole."""
    with Store.open(folder / STORE, readonly=True) as store:
        results = trial_results(store)
        by = ranking_measure(store, results, by)
        running = [number for number, at in store.states().items() if at is Status.RUNNING]
        return OpenedSweep(folder, store.header, tuple(results), by, frozenset(running))


def common_measure(sweeps: Sequence[OpenedSweep]) -> str:
    """Return what ranks all of them. Raises UserError if they are ranked by different measures."""
    measures = list(dict.fromkeys(sweep.by for sweep in sweeps))
    if len(measures) > 1:
        raise UserError(
            f"the sweeps are ranked by {' and by '.join(measures)}; say by which to compare, "
            f"as in RANK_BY={measures[0]}"
        )
    return measures[0]
