"""The end of a trial: its files, and whether it runs again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import fake_sweep
import pytest

from espalier.core.process.disk_full import DiskFullError
from espalier.core.trial import LOG, PAUSED, Result, Status, Task
from espalier.run.budgets.measured_costs import MeasuredCosts
from espalier.run.budgets.time_budget import TimeBudget
from espalier.run.displays.progress import Ending, Notes
from espalier.run.tasks.busy_slot import BusySlot
from espalier.run.tasks.trial_endings import Conclusion, Retries, TrialEndings
from espalier.run.workers.worker import DISK_FULL
from espalier.store.attempt import INCONCLUSIVE
from espalier.store.results_dir import SweepDir
from espalier.store.sweep_files import METRICS
from espalier.store.sweep_state import StatusTracker, SweepStatus

TRIAL = fake_sweep.trial(1)
ERROR = Result(Status.ERROR, "crash", "it broke")


@dataclass
class Lines:
    """A display that keeps the notes."""

    notes: list[str] = field(default_factory=list)

    def finish(self, ending: Ending, sweep: SweepStatus) -> None:
        del ending, sweep

    def note(self, line: str) -> None:
        self.notes.append(line)

    def update(self, sweep: SweepStatus) -> None:
        del sweep

    def close(self) -> None: ...


@dataclass
class Sweep:
    """A sweep of one trial that has begun, and what concludes it."""

    opened: SweepDir
    endings: TrialEndings
    tracker: StatusTracker
    costs: MeasuredCosts

    def conclude(self, result: Result) -> Conclusion:
        task = Task.single(TRIAL, {}, self.opened.directory(1))
        return self.endings.conclude(BusySlot(task), TRIAL, result)

    @property
    def counts(self) -> Mapping[Status, int]:
        counts = self.tracker.summary((), 1).counts
        return {status: count for status, count in counts.items() if count}


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    opened = SweepDir(fake_sweep.created(fake_sweep.request(tmp_path, [TRIAL])))
    opened.prepare(1)
    tracker, costs = StatusTracker(opened.store), MeasuredCosts()
    budget = TimeBudget(60.0, costs, clock=lambda: 0.0)
    tracker.set(1, Status.RUNNING)
    retries, notes = Retries(opened.store, 2), Notes(Lines())
    return Sweep(opened, TrialEndings(opened, tracker, budget, retries, notes), tracker, costs)


def test_a_trial_that_passed_is_shown_with_its_files_written(sweep: Sweep) -> None:
    again, ending = sweep.conclude(Result(Status.PASSED))
    assert not again and ending is not None and ending.name == TRIAL.name
    assert (sweep.opened.directory(1) / METRICS).exists()
    assert sweep.counts == {Status.PASSED: 1}


def test_an_error_is_tried_again_as_often_as_is_allowed(sweep: Sweep) -> None:
    assert [sweep.conclude(ERROR).again for _ in range(2)] == [True, False]
    log = (sweep.opened.directory(1) / LOG).read_text(encoding="utf-8")
    assert log.count("== error (crash): it broke") == 2


@pytest.mark.parametrize("reason", sorted({*INCONCLUSIVE} - {PAUSED, DISK_FULL}))
def test_what_decides_nothing_runs_again_and_is_not_shown(sweep: Sweep, reason: str) -> None:
    assert sweep.conclude(Result(Status.ERROR, reason)) == Conclusion(again=True)
    assert not (sweep.opened.directory(1) / METRICS).exists()


def test_a_paused_trial_waits_for_its_supply(sweep: Sweep) -> None:
    assert sweep.conclude(Result(Status.STOPPED, PAUSED)) == Conclusion(again=False)
    assert sweep.counts == {Status.NOTRUN: 1}
    assert sweep.costs.least > 0  # a budget of minutes knows what it took


def test_a_full_disk_is_the_end_of_the_sweep(sweep: Sweep) -> None:
    with pytest.raises(DiskFullError):
        sweep.conclude(Result(Status.ERROR, DISK_FULL))


def test_a_note_is_shown_once() -> None:
    lines = Lines()
    notes = Notes(lines)
    for line in ("", "a", "b", "a"):
        notes.add(line)
    assert lines.notes == ["a", "b"]
