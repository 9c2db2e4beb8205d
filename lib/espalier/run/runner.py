"""The runner: gives the trials of a plan to workers and records what comes of them.

One thread, one loop: wait for events, record them and the next tasks in one durable transaction,
then submit the tasks. A trial that finished is in the store before anything else happens, so it is
never run again; one that had not finished is run again from its start. Trials of a few milliseconds
are recorded several at a time: see `packing/short_tasks.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from espalier.core.process import disk_full, stop_signals
from espalier.core.trial import Action, Result, Status, Task, Trial
from espalier.run import preflight
from espalier.run.admission import MemoryGate
from espalier.run.budgets.time_budget import open_budget
from espalier.run.displays.progress import Display, Notes
from espalier.run.packing.pack_probe import PackProbes
from espalier.run.packing.pack_queue import PackQueue, PackSize, pack_limits, pack_note, share
from espalier.run.packing.short_tasks import LONG, TOGETHER, ShortTasks
from espalier.run.pending import out_of_memory, pending
from espalier.run.pool import Executor
from espalier.run.run_limits import RunLimits
from espalier.run.supplies.supply import NO_SUPPLY, Source, Supply, Vacancy
from espalier.run.tasks.attempt_records import AttemptRecords
from espalier.run.tasks.busy_slot import BusySlot, Ended, broken_packs
from espalier.run.tasks.busy_slots import BusySlots
from espalier.run.tasks.trial_endings import Retries, TrialEndings
from espalier.run.tasks.trial_outputs import TrialOutputs
from espalier.run.workers.worker_process import Progress
from espalier.store.busy import StoreBusyError
from espalier.store.results_dir import SweepDir
from espalier.store.sweep_state import StatusTracker, SweepStatus

TICK = 0.1  # seconds: how late a signal, a death or a time-out may be noticed


class Runner:
    """Runs every pending trial of one sweep on one executor, and those that its plan grows by."""

    def __init__(
        self,
        sweep: SweepDir,
        executor: Executor,
        limits: RunLimits,
        view: Display,
        supply: Supply = NO_SUPPLY,
    ) -> None:
        """Nothing runs yet."""
        self._sweep, self._store = sweep, sweep.store
        self._executor, self._limits, self._view = executor, limits, view
        self._settings = self._store.header.settings
        trials = {trial.number: trial for trial in self._store.trials()}
        numbers = limits.chosen(pending(self._store, limits.attempts))
        waiting = supply.opening([trials[number] for number in numbers])
        self._supply, self._source = supply, Source(supply)
        self._files = TrialOutputs(sweep)
        self._pack_limits = pack_limits(self._store)
        self._queue = PackQueue(
            limits.pack, self._pack_limits, waiting, limits.priority, supply.until
        )
        self._probes = PackProbes(executor, self._settings, sweep.folder)
        self._gate = MemoryGate(executor, limits.waits, out_of_memory(self._store))
        self._pack_sizes: dict[str, PackSize] = {}
        self._notes = Notes(view)
        self._budget = open_budget(limits.until, self._store, supply.leg)
        self._tracker = StatusTracker(self._store)
        self._attempts = AttemptRecords(sweep)
        retries = Retries(self._store, limits.attempts)
        self._endings = TrialEndings(sweep, self._tracker, self._budget, retries, self._notes)
        self._slots = BusySlots(executor.kill, limits.timeout)
        self._refused: list[Ended] = []  # trials that have no folder to run in
        self._short, self._ended = ShortTasks(), list[Ended]()  # those that are not recorded yet
        self._recorded = time.monotonic()

    def run(self) -> None:
        """Run until nothing is pending or a stop is requested.

        Raises DiskFullError, or UserError if workers cannot start or the machine lacks what the
        trials need. What still runs at the end is recorded as interrupted, unless the disk is full:
        then the next runner does that.
        """
        try:
            self._view.update(self._status())
            self._grow()
            self._check_needs()
            while not stop_signals.requested() and self._goes_on():
                self._step()
        finally:
            with stop_signals.patience(2):
                self._close()

    def _goes_on(self) -> bool:
        if self._budget.over:
            return False
        self._grow()
        underway = self._slots or self._refused or self._short or self._ended
        return bool(underway) or any(map(self._budget.admits, self._queue))

    def _grow(self) -> None:
        """Let the plan grow if a slot is free and nothing waits."""
        if self._queue or self._refused or (self._slots and not self._executor.idle()):
            return
        underway = frozenset(self._underway())
        growth = self._source.growth(Vacancy(self._executor, self._queue.chosen_size, underway))
        if growth is None:
            return
        for line in growth.lines:
            self._view.note(line)
        for trial in growth.trials:
            self._queue.add(trial)
        if growth.trials or growth.ended:
            self._tracker.read()

    def _underway(self) -> Iterator[int]:
        """Yield the numbers of the trials that have begun and whose ends are not in the store."""
        for numbers in self._slots.numbers.values():
            yield from numbers
        yield from self._short.numbers()
        yield from (trial.number for _, trial, _ in self._ended)

    def _close(self) -> None:
        self._executor.close()
        unsaved = suppress(disk_full.DiskFullError, StoreBusyError)
        with unsaved, self._attempts.kept_if_locked(self._ended), self._store.writing():
            self._attempts.finish(self._ended)
            self._attempts.forget(self._short.clear())
            self._store.interrupt_running()
        self._view.close()

    def _check_needs(self) -> None:
        trials, folder = list(self._queue), self._sweep.folder
        preflight.check(self._executor, trials, self._settings, folder, stop_signals.requested)

    def _step(self) -> None:
        self._ended += self._receive()
        self._ended += [self._end(*each) for each in self._slots.break_off_late()]
        for shape, size in self._probes.finished():
            self._set_pack_size(shape, size)
        for slot in self._executor.idle() if self._short else ():
            if task := self._short.take(slot):
                self._slots.begin(slot, task, in_line=True)
                self._submit(slot, task)
        if self._is_due:
            ended, self._ended = self._ended, []
            self._record(ended)
            self._recorded = time.monotonic()
        self._view.update(self._status())

    @property
    def _is_due(self) -> bool:
        """Whether to record what has ended: at once, but for short tasks with others in line."""
        waits = self._short and self._slots and time.monotonic() - self._recorded < TOGETHER
        return not waits or bool(self._queue and self._executor.idle())

    def _record(self, ended: Sequence[Ended]) -> None:
        """Record what has ended and begin what is next; then say so."""
        for slot, task in self._commit(ended).items():
            self._submit(slot, task)
        if ended:
            self._source.renew()
        for each in ended:  # its files are written while the next trial runs
            self._conclude(*each)
        for line in broken_packs(ended):
            self._view.note(line)

    def _submit(self, slot: int, task: Task) -> None:
        """Start a task; trials without a folder end in an error, those beside them wait again."""
        if refused := self._files.prepare(task):
            self._refused += [self._end(slot, number, r) for number, r in refused.items()]
        else:
            self._executor.submit(slot, task)

    @property
    def _is_free(self) -> bool:
        """Whether nothing runs, so that nothing is to be heard before something has begun."""
        return not [*self._slots, *self._probes] and bool(self._executor.idle())

    def _receive(self) -> list[Ended]:
        ended, self._refused = self._refused, []
        waits: dict[int, Result] = {}  # by trial: of those that end at a rung
        for event in self._executor.wait(0 if ended or self._is_free else TICK):
            if event.slot in self._probes:
                self._probes.receive(event)
            elif isinstance(event, Progress):
                self._slots.record(event.slot, event.number, event.record)
                if result := self._supply.observe(event.number, event.record):
                    waits[event.number] = result
            else:
                ended.append(self._end(event.slot, event.number, event.result))
        return ended + [self._end(*each) for each in self._slots.break_off_at_rung(waits)]

    def _end(self, slot: int, number: int, result: Result) -> Ended:
        busy, trial = self._slots.end(slot, number)
        self._short.add_duration(busy.elapsed)
        self._pack_limits.update(trial, result.reason, busy.size)
        self._gate.record_end(number, result)
        return busy, trial, result

    def _set_pack_size(self, shape: str, probed: PackSize) -> None:
        """Use and keep the size that a probe measured; note why not to pack, each reason once."""
        self._queue.set_size(shape, probed)
        self._notes.add(pack_note(probed))
        self._pack_sizes[shape] = probed
        packs = {shape: size._asdict() for shape, size in self._pack_sizes.items()}
        with self._store.writing():
            self._store.set_header(replace(self._store.header, packs=packs))

    def _commit(self, ended: Sequence[Ended]) -> dict[int, Task]:
        """Record what ended, what starts and how far the rest is, in one transaction."""
        back = self._short.clear() if self._is_held_up else []
        waiting = 0 if self._budget.spent else len(self._queue) + len(back)
        free = self._gate.free_slots(waiting, [*self._slots, *self._probes])
        progress = self._attempts.unsaved(self._slots.tasks)
        if not (ended or free or progress or back):
            return {}
        with self._attempts.kept_if_locked(ended), self._store.writing():
            self._attempts.finish(ended)
            self._attempts.forget(back)
            for task in back:
                self._requeue(task.trial)
            self._attempts.save(progress)
            tasks = ((slot, self._next_task(slot)) for slot in free)
            return {slot: task for slot, task in tasks if task is not None}

    @property
    def _is_held_up(self) -> bool:
        """Whether tasks are in line behind one that is no short one, or for a slot that is gone."""
        late = any(busy.elapsed > LONG for busy in self._slots.tasks)
        return bool(self._short) and (late or not self._slots)

    def _next_task(self, slot: int) -> Task | None:
        """Begin what the worker of a free slot is to do; None if nothing may start there now."""
        allowed = self._allowed(slot)
        match self._queue.next(self._share, allowed):
            case None:
                return None
            case Action.PROBE, trials:
                return self._probes.start(slot, trials)
            case _, trials:
                task = self._begin(slot, trials)
                self._slots.begin(slot, task)
                self._line_up(slot, allowed)
                return task

    def _allowed(self, slot: int) -> Callable[[Trial], bool]:
        """Return a test of whether a trial may start in a slot now."""
        fits = self._gate.admits(slot, self._slots.numbers)
        return lambda trial: fits(trial.number) and self._budget.admits(trial)

    def _line_up(self, slot: int, allowed: Callable[[Trial], bool]) -> None:
        """Begin what a slot is to do after its task, where tasks are short."""
        for _ in range(self._short.room(len(self._queue), self._executor.capacity)):
            trial = self._queue.next_single(allowed)
            if trial is None:
                return
            self._short.put(slot, self._begin(slot, [trial]))

    def _share(self, first: Trial, waiting: int) -> int:
        left = sum(busy.trials_left for busy in self._slots.tasks if busy.shape == first.shape)
        others = len(self._queue) - waiting
        size = share(waiting, left, self._executor.capacity, others)
        return min(size, self._budget.largest(first))

    def _begin(self, slot: int, trials: Sequence[Trial]) -> Task:
        process, device = self._executor.process(slot), self._executor.devices[slot]
        task = self._attempts.begin(trials, process, device, self._supply.until(trials[0]))
        for trial in trials:
            self._tracker.set(trial.number, Status.RUNNING)
        return task

    def _conclude(self, busy: BusySlot, trial: Trial, result: Result) -> None:
        """Write the files of a trial that has ended; let it wait again if it is to."""
        again, ending = self._endings.conclude(busy, trial, result)
        if again:
            self._requeue(trial)
        if ending:
            self._view.finish(ending, self._status())

    def _requeue(self, trial: Trial) -> None:
        self._queue.add(trial)
        self._tracker.set(trial.number, Status.NOTRUN)

    def _status(self) -> SweepStatus:
        running = (busy.progress for busy in self._slots.tasks)
        return self._tracker.summary(running, self._executor.capacity)
