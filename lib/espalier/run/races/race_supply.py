"""The next seeds of a race: who gets them, how many at once, and where their results come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from pathlib import Path

from espalier.analysis.race_standing import RaceStanding, standing
from espalier.core.trial import Trial
from espalier.plan.race_plan import FIRST_SEEDS, ConfigText, grow
from espalier.report.race_report import round_line
from espalier.run import reuse
from espalier.run.pool import Executor
from espalier.run.runner import pending
from espalier.store.results_dir import SweepDir
from espalier.store.store import Store

AHEAD = 3
"""After n seeds at most n/3 more are trained at once: what no decision needs stays a quarter."""


class RaceSupply:
    """Adds the next seeds of all that are still in to the plan of a race."""

    def __init__(self, sweep: SweepDir, attempts: int, results: Path | None = None) -> None:
        """`attempts` are those that a trial has; earlier sweeps in `results` may have results."""
        self._sweep, self._attempts, self._results = sweep, attempts, results
        self._taken: list[str] = []

    def __call__(
        self, executor: Executor, pack_size: Callable[[str], int]
    ) -> tuple[list[Trial], list[str]]:
        """Return the trials to run next, none if the race has ended, and lines on how it stands."""
        lines: list[str] = []
        while not (now := current(self._sweep.store, self._attempts)).state.ended:
            lines.append(round_line(now))
            self._add(now, at_once(now, len(executor.devices), pack_size))
            lines += self._taken_over(executor)
            if waiting := pending(self._sweep.store, self._attempts):
                return _with_numbers(self._sweep.store, waiting), lines
        return [], [*lines, round_line(now)]

    def _add(self, now: RaceStanding, seeds: int) -> None:
        """Let the plan grow to that many seeds of each configuration that is still in."""
        store = self._sweep.store
        pairs = [
            (_with_text(store, item.first), seed)
            for item in now.survivors
            for seed in now.rules.order[:seeds]
        ]
        self._sweep.grow(*grow(store.header, store.trials(), pairs))

    def _taken_over(self, executor: Executor) -> list[str]:
        if self._results is None:
            return []
        line = reuse.take_over_on(executor, self._sweep, self._results)
        return [line] if line else []


def current(store: Store, attempts: int) -> RaceStanding:
    """Return how the race of a store stands, trials to be tried again left out."""
    rules = store.header.race
    if rules is None:
        raise ValueError(f"{store.path}: is no race")
    return standing(store.final_results(), rules, pending(store, attempts))


def at_once(now: RaceStanding, workers: int, pack_size: Callable[[str], int]) -> int:
    """Return how many seeds all that are still in are to have before the next decision.

    As many more as fill the packs of all workers, but few beside those that they have had.
    """
    done = now.state.rounds
    if done < FIRST_SEEDS:
        return min(FIRST_SEEDS, now.rules.max_seeds)
    shapes = {item.first.shape for item in now.survivors}
    room = workers * sum(map(pack_size, shapes))
    filling = math.ceil(room / len(now.survivors))
    more = max(1, min(filling, done // AHEAD))
    return min(done + more, now.rules.max_seeds)


def _with_text(store: Store, trial: Trial) -> ConfigText:
    return trial, store.config_text(trial.number)


def _with_numbers(store: Store, numbers: Collection[int]) -> list[Trial]:
    return [trial for trial in store.trials() if trial.number in numbers]
