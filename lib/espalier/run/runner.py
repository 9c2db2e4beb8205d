"""The runner: gives the trials of a plan to workers and records what comes of them.

One thread, one loop: wait for events, record them and the next tasks in one durable transaction,
then submit the tasks. A trial that finished is in the store before anything else happens, so it is
never run again; one that had not finished is run again from its start. Trials of a few milliseconds
are recorded several at a time: see `packing/short_tasks.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from espalier.core.process import disk_full, stop_signals
from espalier.core.trial import PAUSED, Action, Record, Result, Status, Task, Trial
from espalier.run import preflight
from espalier.run.admission import MemoryGate
from espalier.run.budgets.time_budget import open_budget
from espalier.run.displays.progress import Display, Ending
from espalier.run.packing.pack_probe import PackProbes
from espalier.run.packing.pack_queue import PackQueue, PackSize, pack_limits, pack_note, share
from espalier.run.packing.short_tasks import LONG, TOGETHER, ShortTasks
from espalier.run.pending import cost, out_of_memory, pending, spent
from espalier.run.pool import Executor
from espalier.run.run_limits import RunLimits
from espalier.run.supplies.supply import NO_SUPPLY, Source, Supply, Vacancy
from espalier.run.tasks.busy_slot import BusySlot, Ended, broken_packs
from espalier.run.tasks.trial_outputs import TrialOutputs, keep_small
from espalier.run.workers.worker import DISK_FULL
from espalier.run.workers.worker_process import Progress
from espalier.store.attempt import INCONCLUSIVE
from espalier.store.busy import StoreBusyError
from espalier.store.results_dir import SweepDir
from espalier.store.sweep_state import StatusTracker, SweepStatus

TICK = 0.1  # seconds: how late a signal, a death or a time-out may be noticed
PROGRESS_INTERVAL = 1.0  # seconds between two records of progress in the store


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
        self._errors = spent(self._store, limits.attempts)
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
        self._notes: set[str] = set()
        self._budget = open_budget(limits.until, self._store)
        self._tracker = StatusTracker(self._store)
        self._slots: dict[int, BusySlot] = {}
        self._progress_saved = time.monotonic()
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
            self._tracker = StatusTracker(self._store)

    def _underway(self) -> Iterator[int]:
        """Yield the numbers of the trials that have begun and whose ends are not in the store."""
        for busy in self._slots.values():
            yield from busy.open
        yield from self._short.numbers()
        yield from (trial.number for _, trial, _ in self._ended)

    def _close(self) -> None:
        self._executor.close()
        unsaved = suppress(disk_full.DiskFullError, StoreBusyError)
        with unsaved, self._kept_if_locked(self._ended), self._store.writing():
            self._finish(self._ended)
            self._forget(self._short.clear())
            self._store.interrupt_running()
        self._view.close()

    def _check_needs(self) -> None:
        trials, folder = list(self._queue), self._sweep.folder
        preflight.check(self._executor, trials, self._settings, folder, stop_signals.requested)

    def _step(self) -> None:
        self._ended += self._receive() + self._stop_late()
        for shape, size in self._probes.finished():
            self._set_pack_size(shape, size)
        for slot in self._executor.idle() if self._short else ():
            if task := self._short.take(slot):
                self._slots[slot] = BusySlot(task, in_line=True)
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
                self._slots[event.slot].record(event.number, event.record)
                if result := self._supply.observe(event.number, event.record):
                    waits[event.number] = result
            else:
                ended.append(self._end(event.slot, event.number, event.result))
        return ended + self._end_at_rung(waits)

    def _end_at_rung(self, waits: Mapping[int, Result]) -> list[Ended]:
        """End the tasks of trials that go no further now, those that have not ended meanwhile."""
        tasks = {number: slot for slot, busy in self._slots.items() for number in busy.open}
        ending = [(tasks[number], result) for number, result in waits.items() if number in tasks]
        return [each for slot, result in ending for each in self._break_off(slot, result)]

    def _break_off(self, slot: int, result: Result) -> list[Ended]:
        """End the task of a slot; all of its trials that still run get this result."""
        self._executor.kill(slot)
        return [self._end(slot, number, result) for number in self._slots[slot].open]

    def _stop_late(self) -> list[Ended]:
        limit = self._limits.timeout
        late = [(slot, busy) for slot, busy in self._slots.items() if busy.late(limit)]
        return [each for slot, busy in late for each in self._break_off(slot, busy.timeout(limit))]

    def _end(self, slot: int, number: int, result: Result) -> Ended:
        busy = self._slots[slot]
        trial = busy.end(number)
        self._short.add_duration(busy.elapsed)
        if not busy.open:
            del self._slots[slot]
        self._pack_limits.update(trial, result.reason, busy.size)
        self._gate.record_end(number, result)
        return busy, trial, result

    def _set_pack_size(self, shape: str, probed: PackSize) -> None:
        """Use and keep the size that a probe measured; note why not to pack, each reason once."""
        self._queue.set_size(shape, probed)
        self._note(pack_note(probed))
        self._pack_sizes[shape] = probed
        packs = {shape: size._asdict() for shape, size in self._pack_sizes.items()}
        with self._store.writing():
            self._store.set_header(replace(self._store.header, packs=packs))

    def _note(self, line: str) -> None:
        """Print a note, if it is one, once."""
        if line and line not in self._notes:
            self._notes.add(line)
            self._view.note(line)

    def _commit(self, ended: Sequence[Ended]) -> dict[int, Task]:
        """Record what ended, what starts and how far the rest is, in one transaction."""
        back = self._short.clear() if self._is_held_up else []
        waiting = 0 if self._budget.spent else len(self._queue) + len(back)
        free = self._gate.free_slots(waiting, [*self._slots, *self._probes])
        progress = self._unsaved_progress()
        if not (ended or free or progress or back):
            return {}
        with self._kept_if_locked(ended), self._store.writing():
            self._finish(ended)
            self._forget(back)
            for task in back:
                self._requeue(task.trial)
            for number, attempt, record in progress:
                self._store.progress(number, attempt, record)
            tasks = ((slot, self._next_task(slot)) for slot in free)
            return {slot: task for slot, task in tasks if task is not None}

    @property
    def _is_held_up(self) -> bool:
        """Whether tasks are in line behind one that is no short one, or for a slot that is gone."""
        late = any(busy.elapsed > LONG for busy in self._slots.values())
        return bool(self._short) and (late or not self._slots)

    def _forget(self, tasks: Iterable[Task]) -> None:
        """Take back that tasks in line have begun."""
        for task in tasks:
            self._store.forget(task.trial.number, task.attempts[0])

    def _finish(self, ended: Iterable[Ended]) -> None:
        for busy, trial, result in ended:
            self._store.finish(trial.number, busy.attempt(trial.number), result, busy.began)

    @contextmanager
    def _kept_if_locked(self, ended: Sequence[Ended]) -> Iterator[None]:
        """Keep what ended in a file if another program still has the store when we must stop."""
        try:
            yield
        except StoreBusyError:
            endings = [(trial.number, busy.attempt(trial.number), r) for busy, trial, r in ended]
            self._sweep.keep_unrecorded(endings)
            raise

    def _unsaved_progress(self) -> list[tuple[int, int, Record]]:
        if time.monotonic() - self._progress_saved < PROGRESS_INTERVAL:
            return []
        self._progress_saved = time.monotonic()
        for busy in self._slots.values():
            keep_small(busy.log)
        return [each for busy in self._slots.values() for each in busy.unsaved()]

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
                self._slots[slot] = BusySlot(task)
                self._line_up(slot, allowed)
                return task

    def _allowed(self, slot: int) -> Callable[[Trial], bool]:
        """Return a test of whether a trial may start in a slot now."""
        running = {other: busy.open for other, busy in self._slots.items()}
        fits = self._gate.admits(slot, running)
        return lambda trial: fits(trial.number) and self._budget.admits(trial)

    def _line_up(self, slot: int, allowed: Callable[[Trial], bool]) -> None:
        """Begin what a slot is to do after its task, where tasks are short."""
        for _ in range(self._short.room(len(self._queue), self._executor.capacity)):
            trial = self._queue.next_single(allowed)
            if trial is None:
                return
            self._short.put(slot, self._begin(slot, [trial]))

    def _share(self, first: Trial, waiting: int) -> int:
        left = sum(busy.trials_left for busy in self._slots.values() if busy.shape == first.shape)
        most = share(waiting, left, self._executor.capacity)
        return min(most, self._budget.largest(first))

    def _begin(self, slot: int, trials: Sequence[Trial]) -> Task:
        process, device = self._executor.process(slot), self._executor.devices[slot]
        attempts = self._store.begin([trial.number for trial in trials], process, device)
        directories = (self._sweep.directory(trial.number) for trial in trials)
        task = Task(
            tuple(trials),
            self._settings,
            tuple(directories),
            tuple(attempts.values()),
            until=self._supply.until(trials[0]),
        )
        for number in attempts:
            self._tracker.set(number, Status.RUNNING)
        return task

    def _conclude(self, busy: BusySlot, trial: Trial, result: Result) -> None:
        if result.reason == DISK_FULL:
            raise disk_full.full(self._sweep.folder)
        keep_small(busy.log)
        self._note(self._files.log_ending(trial.number, result))
        pack = result.provenance.pack
        if pack and pack.why and busy.size > 1:
            self._note(pack_note(PackSize(1, pack.why)))
        if result.reason == PAUSED:  # what becomes of it is for the supply to say
            self._tracker.set(trial.number, Status.NOTRUN)
            return
        if result.reason in INCONCLUSIVE:
            self._requeue(trial)
            return
        self._note(self._files.write_metrics(trial, result))
        self._tracker.set(trial.number, result.status)
        seconds = busy.seconds_per_trial
        self._tracker.add_duration(seconds)
        self._budget.add(trial, busy.size, busy.elapsed)
        self._errors[trial.number] += cost(result.status, result.reason, self._limits.attempts)
        left = self._errors[trial.number] < self._limits.attempts
        retried = result.status is Status.ERROR and left
        if retried:
            self._requeue(trial)
        self._view.finish(Ending(trial.name, result, seconds, retried), self._status())

    def _requeue(self, trial: Trial) -> None:
        self._queue.add(trial)
        self._tracker.set(trial.number, Status.NOTRUN)

    def _status(self) -> SweepStatus:
        running = (busy.progress for busy in self._slots.values())
        return self._tracker.summary(running, self._executor.capacity)
