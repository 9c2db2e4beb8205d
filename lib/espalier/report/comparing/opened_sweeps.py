"""Sweeps as they stand in their folders, to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from espalier.analysis.rank import TrialResult
from espalier.core.errors import UserError
from espalier.core.records import PlanHeader
from espalier.report.reports import RACE, ranking_measure, trial_results
from espalier.store.results_dir import STORE
from espalier.store.store import Store


@dataclass(frozen=True)
class OpenedSweep:
    """A sweep: its folder, its plan's header, all its trials as they stand, what ranks them."""

    folder: Path
    header: PlanHeader
    results: tuple[TrialResult, ...]
    by: str

    @property
    def raced(self) -> bool:
        """Whether its seeds were given out by a race."""
        return self.header.race is not None or (self.folder / RACE).is_file()


def open_sweep(folder: Path, by: str | None = None) -> OpenedSweep:
    """Return the sweep in `folder`. Raises UserError if it has no store, or none that is whole."""
    with Store.open(folder / STORE, readonly=True) as store:
        results = trial_results(store)
        by = ranking_measure(store, results, by)
        return OpenedSweep(folder, store.header, tuple(results), by)


def common_measure(sweeps: Sequence[OpenedSweep]) -> str:
    """Return what ranks all of them. Raises UserError if they are ranked by different measures."""
    measures = list(dict.fromkeys(sweep.by for sweep in sweeps))
    if len(measures) > 1:
        raise UserError(
            f"the sweeps are ranked by {' and by '.join(measures)}; say by which to compare, "
            f"as in RANK_BY={measures[0]}"
        )
    return measures[0]
