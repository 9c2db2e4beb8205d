"""The next seeds of a race: who gets them, how many at once, and where their results come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from pathlib import Path

from espalier.analysis.race_decisions import Race
from espalier.analysis.race_standing import RaceStanding, begin, standing
from espalier.analysis.rank import TrialResult
from espalier.core.records import FIRST_SEEDS, RaceRecord
from espalier.core.trial import Result, Status, Trial
from espalier.plan.race_plan import grow
from espalier.report.race_report import round_line
from espalier.run import reuse
from espalier.run.pool import Executor
from espalier.run.supplies.supply import Growth, Supply, Vacancy
from espalier.store.results_dir import SweepDir
from espalier.store.store import Store

AHEAD = 3
"""After n seeds at most n/3 more are trained at once: what no decision needs stays a quarter."""


class RaceSupply(Supply):
    """Adds the next seeds of all that are still in to the plan of a race.

    What the store has is read once; after that, what came of the trials that were added.
    """

    def __init__(self, sweep: SweepDir, results: Path | None = None) -> None:
        """Nothing waits or runs. Earlier sweeps in `results` may have results."""
        self._sweep, self._earlier = sweep, results
        self._results: dict[int, TrialResult] = {}
        self._added: list[Trial] = []
        self._race: Race | None = None

    def __call__(self, vacancy: Vacancy) -> Growth:
        """Return the trials to run next, none while a round runs, and lines on how it stands."""
        lines: list[str] = []
        while not vacancy.running:
            now = self._standing()
            lines.append(round_line(now))
            if now.state.ended:
                return Growth(lines=lines, ended=True)
            self._grow(now, at_once(now, vacancy.executor.capacity, vacancy.pack_size))
            lines += self._taken_over(vacancy.executor)
            waiting = [trial for trial in self._added if self._result(trial) is None]
            if waiting or not self._added:
                return Growth(waiting, lines, ended=not waiting)
        return Growth()

    def _standing(self) -> RaceStanding:
        """Return how the race stands, with what has come of the trials that were added."""
        rules = rules_of(self._sweep.store)
        if not self._results:
            every = map(TrialResult._make, self._sweep.store.final_results())
            self._results = {item.trial.number: item for item in every}
            configurations = {item.trial.configuration for item in self._results.values()}
            self._race = begin(len(configurations), rules)
        for trial in self._added:
            if result := self._result(trial):
                self._results[trial.number] = TrialResult(trial, result, 1)
        return standing(self._results.values(), rules, race=self._race)

    def _result(self, trial: Trial) -> Result | None:
        last = self._sweep.store.last_conclusive(trial.number)
        return last and last[1]

    def _grow(self, now: RaceStanding, seeds: int) -> None:
        """Let the plan grow to that many seeds of each configuration that is still in."""
        store, trials = self._sweep.store, [item.trial for item in self._results.values()]
        texts = [(item.first, store.config_text(item.first.number)) for item in now.survivors]
        due = now.rules.order[:seeds]
        pairs = [(each, seed) for each in texts for seed in due]
        growth = grow(store.header, trials, pairs)
        self._sweep.grow(*growth)
        self._added = [trial for trial, _ in growth.added]
        for trial in self._added:
            self._results[trial.number] = TrialResult(trial, Result(Status.NOTRUN), 0)

    def _taken_over(self, executor: Executor) -> list[str]:
        if self._earlier is None:
            return []
        line = reuse.take_over_on(executor, self._sweep, self._earlier)
        return [line] if line else []


def current(store: Store, unfinished: Collection[int]) -> RaceStanding:
    """Return how the race of a store stands, trials that are `unfinished` left out."""
    return standing(store.final_results(), rules_of(store), unfinished)


def rules_of(store: Store) -> RaceRecord:
    """Return the rules of the race of a store. Raises ValueError if it is none."""
    rules = store.header.race
    if rules is None:
        raise ValueError(f"{store.path}: is no race")
    return rules


def at_once(now: RaceStanding, workers: int, pack_size: Callable[[str], int]) -> int:
    """Return how many seeds all that are still in are to have before the next decision.

    As many more as fill the packs of all workers, but few beside those that they have had.
    """
    done, due = now.state.rounds, now.state.due
    if done < FIRST_SEEDS:
        return due
    shapes = {item.first.shape for item in now.survivors}
    room = workers * sum(map(pack_size, shapes))
    filling = math.ceil(room / len(now.survivors))
    more = max(1, min(filling, done // AHEAD))
    return min(done + more, now.rules.max_seeds)
