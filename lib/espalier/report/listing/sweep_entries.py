"""The sweeps of a folder of results as they stand now, the newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from espalier.analysis.claims.claim_judging import JudgedClaims, judge
from espalier.analysis.race_standing import RaceStanding, standing
from espalier.analysis.rank import Configuration, Ranking, TrialResult, rank
from espalier.core.errors import UserError
from espalier.core.records import PlanHeader
from espalier.core.trial import Result, Status, Trial
from espalier.report.reports import ranking_measure
from espalier.store import results_dir
from espalier.store.locks import runner_of
from espalier.store.results_dir import SCANNED, STORE
from espalier.store.store import Store

RUNNING, STOPPED, FINISHED = "running", "stopped", "finished"


@dataclass(frozen=True)
class SweepEntry:
    """A sweep: its folder, when it began, its header, its trials by status, its ranking.

    `created` is in seconds since 1970, `order` its place among others. `running` says whether
    somebody runs it.
    """

    folder: Path
    created: float
    order: float
    header: PlanHeader
    counts: Mapping[Status, int]
    ranking: Ranking
    running: bool
    judged: JudgedClaims | None = None
    race: RaceStanding | None = None

    @property
    def total(self) -> int:
        """The number of its trials."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """The number of its trials that have ended."""
        return self.total - sum(self.counts.get(at, 0) for at in (Status.NOTRUN, Status.RUNNING))

    @property
    def state(self) -> str:
        """Whether it runs, was stopped before its end, or has finished."""
        if self.running:
            return RUNNING
        open_race = self.race is not None and not self.race.state.ended
        return STOPPED if self.ended < self.total or open_race else FINISHED

    @cached_property
    def configurations(self) -> tuple[Configuration, ...]:
        """Its configurations, best first, then those without a score."""
        return self.ranking.ranked + self.ranking.unranked

    @property
    def best(self) -> Configuration | None:
        """The first of its ranking; of a race, the one that leads of those still in."""
        if self.race is None:
            return self.ranking.best
        leader = self.race.leader
        same = [c for c in self.ranking.ranked if leader and _is_of(c, leader.results[0])]
        return same[0] if same else None


class UnreadableSweep(NamedTuple):
    """A folder whose store is damaged, foreign, locked or gone, and what is wrong with it."""

    folder: Path
    reason: str


def read_entries(
    results: Path, by: str | None = None
) -> tuple[list[SweepEntry], list[UnreadableSweep]]:
    """Return the sweeps of a folder of results, the newest first, and those that cannot be read.

    Each is ranked by `by`, or by what its plan says.
    """
    read = [each for folder in sorted(results.glob("sweep_*")) for each in _read(folder, by)]
    entries = [each for each in read if isinstance(each, SweepEntry)]
    entries.sort(key=lambda each: (each.order, each.folder), reverse=True)
    return entries, [each for each in read if isinstance(each, UnreadableSweep)]


def _read(folder: Path, by: str | None) -> Iterator[SweepEntry | UnreadableSweep]:
    """Yield the sweep of a folder; nothing if it has none."""
    try:
        if lost := results_dir.without_store(folder):
            raise lost
        if (folder / STORE).exists():
            yield _entry(folder, by)
    except (UserError, OSError) as error:
        yield UnreadableSweep(folder, str(error))


def _entry(folder: Path, by: str | None) -> SweepEntry:
    with Store.open(folder / STORE, readonly=True, patience=SCANNED) as store:
        header = store.header
        results = [TrialResult(*each) for each in _results(store, header)]
        ranking = rank(results, ranking_measure(store, results, by), header.race is not None)
        return SweepEntry(
            folder,
            store.created,
            store.order,
            header,
            store.counts(),
            ranking,
            bool(runner_of(folder)),
            judge(header, results),
            standing(results, header.race) if header.race else None,
        )


def _results(store: Store, header: PlanHeader) -> list[tuple[Trial, Result, int]]:
    """Return the trials with as much of their results as is needed: claims need where from."""
    has_claims = header.claims is not None or header.seals
    return store.final_results() if has_claims else store.outcomes()


def _is_of(item: Configuration, result: TrialResult) -> bool:
    return item.results[0].trial.configuration == result.trial.configuration
