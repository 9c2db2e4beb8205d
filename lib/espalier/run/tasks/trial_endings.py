"""What follows from the end of a trial: its files, and whether it runs again."""

from __future__ import annotations

from typing import NamedTuple

from espalier.core.process import disk_full
from espalier.core.trial import PAUSED, Result, Status, Trial
from espalier.run.budgets.time_budget import TimeBudget
from espalier.run.displays.progress import Ending, Notes
from espalier.run.packing.pack_queue import PackSize, pack_note
from espalier.run.pending import cost, spent
from espalier.run.tasks.busy_slot import BusySlot
from espalier.run.tasks.trial_outputs import TrialOutputs, keep_small
from espalier.run.workers.worker import DISK_FULL
from espalier.store.attempt import INCONCLUSIVE
from espalier.store.results_dir import SweepDir
from espalier.store.store import Store
from espalier.store.sweep_state import StatusTracker


class Conclusion(NamedTuple):
    """Whether a trial waits to be run again, and its end, if that is one to show."""

    again: bool
    ending: Ending | None = None


class Retries:
    """How many errors each trial of this round may still have."""

    def __init__(self, store: Store, allowance: int) -> None:
        """Let trials have so many, less what they have had by the store."""
        self._spent, self._allowance = spent(store, allowance), allowance

    def admit(self, number: int, result: Result) -> bool:
        """Take in what came of a trial; return whether it is to be tried again."""
        self._spent[number] += cost(result.status, result.reason, self._allowance)
        return result.status is Status.ERROR and self._spent[number] < self._allowance


class TrialEndings:
    """Concludes trials whose ends are in the store."""

    def __init__(
        self,
        sweep: SweepDir,
        tracker: StatusTracker,
        budget: TimeBudget,
        retries: Retries,
        notes: Notes,
    ) -> None:
        """Write into the folder of `sweep`; the others learn what has ended."""
        self._folder, self._files = sweep.folder, TrialOutputs(sweep)
        self._tracker, self._budget, self._retries = tracker, budget, retries
        self._notes = notes

    def conclude(self, busy: BusySlot, trial: Trial, result: Result) -> Conclusion:
        """Write the files of a trial that has ended; return what follows.

        Raises DiskFullError if a full disk was its end.
        """
        if result.reason == DISK_FULL:
            raise disk_full.full(self._folder)
        keep_small(busy.log)
        self._notes.add(self._files.log_ending(trial.number, result))
        pack = result.provenance.pack
        if pack and pack.why and busy.size > 1:
            self._notes.add(pack_note(PackSize(1, pack.why)))
        if result.reason == PAUSED:  # what becomes of it is for the supply to say
            self._budget.add(trial, busy.size, busy.elapsed, len(result.history))
            self._tracker.set(trial.number, Status.NOTRUN)
            return Conclusion(again=False)
        if result.reason in INCONCLUSIVE:
            return Conclusion(again=True)
        return self._count(busy, trial, result)

    def _count(self, busy: BusySlot, trial: Trial, result: Result) -> Conclusion:
        self._notes.add(self._files.write_metrics(trial, result))
        self._tracker.set(trial.number, result.status)
        seconds = busy.seconds_per_trial
        self._tracker.add_duration(seconds)
        self._budget.add(trial, busy.size, busy.elapsed)
        again = self._retries.admit(trial.number, result)
        return Conclusion(again, Ending(trial.name, result, seconds, again))
