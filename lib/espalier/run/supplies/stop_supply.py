"""Lets the trials of a sweep train from rung to rung: who goes on, and who stops.

What is decided follows from the store alone (see `stop_decisions`), so it is the same in a sweep
that was killed and goes on. A trial of the library pauses by itself, with a snapshot. One of other
code cannot: it is ended at a rung unless it is sure to go on, and begins anew if it does later.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Collection, Iterator

from espalier.analysis.stopping.rung_scores import (
    RUNG_EPOCH,
    RUNG_SCORE,
    RungConfiguration,
    rung_configurations,
)
from espalier.analysis.stopping.stop_decisions import Fate, RungDecisions, Stage
from espalier.core.trial import PAUSED, RUNG, Record, Result, Status, Trial
from espalier.plan.stopping.stop_rules import StopRules, epochs_of
from espalier.run.supplies.supply import Growth, Supply, Vacancy
from espalier.run.tasks.trial_outputs import TrialOutputs
from espalier.store.results_dir import SweepDir
from espalier.train.checkpoints.rung_snapshots import remove_rung_snapshots


class StopSupply(Supply):
    """Gives out the trials of a plan, each to its next rung only."""

    def __init__(self, sweep: SweepDir, rules: StopRules, pauses: bool) -> None:
        """Nothing is decided yet. `pauses`: trials pause by themselves."""
        self._sweep, self._rules, self._pauses = sweep, rules, pauses
        self._files, self._notes = TrialOutputs(sweep), list[str]()
        self._every: list[RungConfiguration] = []
        self._of: dict[int, int] = {}  # the place of a trial's configuration, by its number
        self._decisions = RungDecisions((), rules)
        self._said: list[Fate] = []  # what has been printed
        self._open: set[int] = set()  # places where something is to be done, or may be
        self._out: set[int] = set()  # the numbers of trials that were given out
        self._targets: dict[int, int] = {}  # of trials that cannot pause: their next rung
        self._histories: dict[int, list[Record]] = {}  # and their epochs

    def opening(self, pending: list[Trial]) -> list[Trial]:
        """Return the trials that have not come to their next rung."""
        store, numbers = self._sweep.store, {trial.number for trial in pending}
        self._every = rung_configurations(store.trials(), self._rules, numbers)
        places = enumerate(self._every)
        self._of = {trial.number: place for place, each in places for trial in each.trials}
        for number, results in store.shown().items():
            self._configuration(number).take_in(number, results, self._rules.by)
        self._decisions = RungDecisions([each.course for each in self._every], self._rules)
        self._said = list(self._decisions.fates)
        self._open = {*range(len(self._every))}
        return self._give_out(())

    def until(self, trial: Trial) -> int:
        """Return the epoch after which a trial pauses, 0 for its end."""
        return self._fate(trial.number).rung if self._pauses else 0

    def leg(self, trial: Trial) -> int:
        """Return how many epochs a trial trains that begins now; all of one that begins anew."""
        end = self.until(trial) or epochs_of(trial)
        shown = self._configuration(trial.number).scores.get(trial.number, {})
        return max(1, end - max(shown, default=0)) if self._pauses else epochs_of(trial)

    def __call__(self, vacancy: Vacancy) -> Growth:
        """Return the trials that go on; those that do not are stopped in the store."""
        for number in self._out - vacancy.running:
            self._take_in(number)
        self._open |= self._decisions.take_changed()
        for place in sorted(self._open):
            fate = self._decisions.fates[place]
            if fate.stage is Stage.STOP and not self._runs(place, vacancy.running):
                self._stop(self._every[place], fate)
        lines = [*self._notes, *self._lines()]
        due = self._give_out(vacancy.running)
        self._notes.clear()
        return Growth(due, lines, ended=not due and not vacancy.running)

    def observe(self, number: int, record: Record) -> Result | None:
        """Return what a running trial comes to if it cannot pause and is to end at its rung now."""
        rung, epoch = self._targets.get(number, 0), _epoch(record)
        if not rung:
            return None
        before = self._histories.get(number, [])  # of an attempt that was cut off, too
        history = [*(each for each in before if _epoch(each) < epoch), record]
        self._histories[number] = history
        if epoch < rung:
            return None
        each = self._configuration(number)
        if rung not in each.scores.get(number, {}):
            each.add(number, rung, record, self._rules.by)
            self._show(number)
        fate = self._fate(number)
        if fate.stage is Stage.TRAIN and fate.rung != rung:
            self._targets[number] = fate.rung
            return None
        return Result(Status.STOPPED, PAUSED, f"waits after epoch {epoch}", history=history)

    def _configuration(self, number: int) -> RungConfiguration:
        return self._every[self._of[number]]

    def _take_in(self, number: int) -> None:
        """Take in what came of a trial that was given out and runs no more."""
        self._out.remove(number)
        self._targets.pop(number, None)
        self._histories.pop(number, None)
        results = self._sweep.store.shown(number).get(number, [])
        each = self._configuration(number)
        each.take_in(number, results, self._rules.by)
        if not results or results[-1].reason != PAUSED:
            each.over.add(number)
        self._show(number)
        self._open.add(self._of[number])

    def _show(self, number: int) -> None:
        """Decide what follows from what the configuration of a trial shows now."""
        self._decisions.show(self._of[number], self._configuration(number).course)

    def _fate(self, number: int) -> Fate:
        return self._decisions.fates[self._of[number]]

    def _runs(self, place: int, running: Collection[int]) -> bool:
        """Return whether a trial of a configuration is at work."""
        return any(trial.number in running for trial in self._every[place].trials)

    def _give_out(self, running: Collection[int]) -> list[Trial]:
        """Return the trials that have not come to their next rung, those of the last rungs first.

        Those at work are left out.
        """
        due: list[Trial] = []
        for place in sorted(self._open, key=lambda place: (self._rank(place), place)):
            due += [trial for trial in self._behind(place) if trial.number not in running]
        for trial in due:
            self._out.add(trial.number)
            if not self._pauses:
                self._targets[trial.number] = self._fate(trial.number).rung
        self._open = {place for place in self._open if self._runs(place, running)}
        return due

    def _rank(self, place: int) -> float:
        """Return what configurations are given out by: the furthest first."""
        return -(self._decisions.fates[place].rung or float("inf"))

    def _behind(self, place: int) -> Iterator[Trial]:
        """Yield the trials of a configuration that are to train to its next rung."""
        each, fate = self._every[place], self._decisions.fates[place]
        if fate.stage is not Stage.TRAIN:
            return
        for trial in each.trials:
            if trial.number not in each.over and fate.rung not in each.scores.get(trial.number, {}):
                yield trial

    def _stop(self, each: RungConfiguration, fate: Fate) -> None:
        """End the trials of a configuration that have not ended."""
        left = [trial for trial in each.trials if trial.number not in each.over]
        if not left:
            return
        store = self._sweep.store
        results = {trial.number: self._stopped(trial, each, fate) for trial in left}
        with store.writing():
            for number, attempt in store.begin(results, os.getpid(), "").items():
                store.finish(number, attempt, results[number])
        for trial in left:
            notes = [
                self._files.log_ending(trial.number, results[trial.number]),
                self._files.write_metrics(trial, results[trial.number]),
            ]
            self._notes += filter(None, notes)
            remove_rung_snapshots(self._sweep.directory(trial.number))
            each.over.add(trial.number)

    def _stopped(self, trial: Trial, each: RungConfiguration, fate: Fate) -> Result:
        shown = self._sweep.store.shown(trial.number).get(trial.number, [])
        last = shown[-1] if shown else Result(Status.NOTRUN)
        place = f"place {fate.place} of {fate.among} by {self._rules.by.label}"
        if percent := each.course.percents.get(fate.rung, 0):
            place += f" at {percent}% sparsity"
        if len(each.trials) > (came := len(each.scores_at(fate.rung))) > 0:
            place += f", by {came} of {len(each.trials)} seeds (the others had errors)"
        return Result(
            Status.STOPPED,
            RUNG,
            f"stopped after epoch {fate.rung} by {self._rules.rule}: {place}",
            {RUNG_EPOCH: fate.rung, "epochs": len(last.history), **_score(each, fate, self._rules)},
            last.history,
            last.provenance,
        )

    def _lines(self) -> list[str]:
        """Return a line for each rung at which something has been decided since the last ones."""
        stop, go = Counter[int](), Counter[int]()
        for place in self._open:
            each, old, new = self._every[place], self._said[place], self._decisions.fates[place]
            if new.stage is Stage.STOP and old != new:
                stop[new.rung] += 1
            passed = [r for r in each.rungs if _is_behind(r, new) and not _is_behind(r, old)]
            go.update(passed)
            self._said[place] = new
        return [
            f"{self._rules.rule}: at the rung of epoch {rung}, {go[rung]} go on, {stop[rung]} stop"
            for rung in sorted({*stop, *go})
        ]


def _epoch(record: Record) -> int:
    return int(record.get("epoch") or 0)


def _score(each: RungConfiguration, fate: Fate, rules: StopRules) -> Record:
    """Return the mean of a configuration at the rung where it is stopped; nothing without one."""
    score = each.course.scores.get(fate.rung, -math.inf)
    return {RUNG_SCORE: rules.by.sign * score} if math.isfinite(score) else {}


def _is_behind(rung: int, fate: Fate) -> bool:
    """Return whether a configuration with this fate has passed a rung."""
    return (fate.stage is Stage.TRAIN and fate.rung == 0) or rung < fate.rung
