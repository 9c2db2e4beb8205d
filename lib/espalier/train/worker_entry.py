"""The entry of a worker process: a task in, the result of a trained and measured network out."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import torch

from espalier.core import component
from espalier.core.contracts import (
    CannotTrain,
)
from espalier.core.errors import UserError
from espalier.core.records import PackShare, Provenance
from espalier.core.trial import EPOCHS, PAUSED, Emit, Record, Result, Status, Task, discard
from espalier.core.trial_config import Config
from espalier.layers.folded import CannotPack
from espalier.optimizers.lean import LeanAdam
from espalier.train import epoch_log, final_metrics, pack_size, speed, trial_time
from espalier.train.building.run_builder import build_trainer, load_trial_data
from espalier.train.checkpoints import init_from, rung_snapshots
from espalier.train.checkpoints.model_files import ModelSaving
from espalier.train.checkpoints.snapshot_manager import SnapshotManager
from espalier.train.data.splits import Data
from espalier.train.engine import distributed, provenance, seeds
from espalier.train.engine.device import choose_device, make_deterministic, uses_gpu
from espalier.train.engine.evaluation import evaluate
from espalier.train.engine.gpu_trace import GpuTracing
from espalier.train.engine.trainer import Trainer
from espalier.train.input_noise import InputNoise
from espalier.train.loop import DivergedError, Loop
from espalier.train.micro_batching import MicroBatchPlan
from espalier.train.packs import pack_cache, pack_compatibility
from espalier.train.packs.step_graphs import GraphPlan

REFUSALS = (CannotTrain, UserError)
"""The errors by which a trial is refused before its first step."""


def warm() -> None:
    """Take a step of an optimizer before the first trial is timed."""
    layer = torch.nn.Linear(2, 2)
    optimizer = LeanAdam(layer.parameters(), 0.1)
    torch.autograd.backward(layer(torch.zeros(1, 2)).sum())
    optimizer.step()


def train_trial(task: Task, emit: Emit = discard) -> Result:
    """Train one trial to its end; `emit` takes a record an epoch.

    Divergence and trials that cannot mean what they say are `failed` results; what is missing on
    this machine (data, a GPU) is an `error` result. Anything unforeseen is raised. Every
    result says what was run and where.
    """
    ((_, result),) = train_pack([task], lambda _, record: emit(record))
    return result


def train_pack(
    tasks: Sequence[Task], emit: Callable[[int, Record], None] = lambda *_: None
) -> Iterator[tuple[int, Result]]:
    """Train the trials of several tasks, those of one structure as one program, each to its end.

    Yields the index of each task and its result, as `train_trial` would give it, when it ends.
    `emit` takes the index and a record an epoch. Which trials were trained together changes no
    result but `provenance.pack`.
    """
    ready: list[_Attempt] = []
    for index, task in enumerate(tasks):
        attempt = _Attempt(index, task, partial(emit, index))
        try:
            attempt.prepare()
        except REFUSALS as error:
            yield index, attempt.refuse(error)
        else:
            if attempt.trainer.paused:  # it was there when the runner was killed
                yield index, attempt.pause()
            else:
                ready.append(attempt)
    groups = pack_compatibility.group_by_structure([attempt.trainer for attempt in ready])
    packs = [[ready[i] for i in group] for group in groups]
    del ready  # nothing but the loop may keep a run alive
    while packs:
        yield from _train_together(packs.pop(0))


def _train_together(pack: Sequence[_Attempt]) -> Iterator[tuple[int, Result]]:
    """Train a pack as one program if there are several and it can be done, else one by one."""
    why = pack_compatibility.why_alone(pack[0].trainer)
    try:
        yield from _train(pack, why)
        return
    except CannotPack as error:  # nothing has been updated
        why = str(error)
    for attempt in pack:
        attempt.prepare()
        yield from _train([attempt], why)


def _train(pack: Sequence[_Attempt], why: str) -> Iterator[tuple[int, Result]]:
    by_run = {id(attempt.trainer.run): attempt for attempt in pack}
    make_deterministic(pack[0].trainer.recipe.cpu_threads)  # others were prepared since
    size = len(pack)
    task, device = pack[0].task, pack[0].trainer.device
    joined = distributed.process_group(task, pack[0].trainer.recipe, device)
    with joined, _tracing(task).follow(device) as trace:
        for trainer, outcome in Loop([attempt.trainer for attempt in pack], trace).epochs():
            attempt = by_run[id(trainer.run)]
            attempt.provenance = replace(attempt.provenance, pack=PackShare(size=size, why=why))
            result = attempt.advance(outcome)
            if result is not None:
                del by_run[id(trainer.run)]
                yield attempt.index, result


class _Attempt:
    """One try at a trial in this process, from its task to its result."""

    def __init__(self, index: int, task: Task, emit: Emit) -> None:
        """Begin an attempt at the task with this index in its group."""
        self.index, self.task, self._emit = index, task, emit
        self.history: list[Record] = []
        self.provenance = _provenance(task)

    def prepare(self) -> None:
        """Build everything anew. Raises CannotTrain or UserError."""
        task, timed = trial_time.resolve(
            self.task, self.provenance.timed, lambda task: prepare(task)[0]
        )
        self.trainer, self.data = prepare(task)
        self.provenance = replace(
            self.provenance,
            timed=timed,
            data_fingerprint=self.data.fingerprint,
            micro_batch=self.trainer.micro_batch,
        )
        self.snapshots = SnapshotManager(self.task, lambda: self.provenance)
        snapshot, self.history = self.snapshots.resume(self.trainer)
        if snapshot is not None:
            branch = snapshot.manifest.get("branch", {})
            resumed = {"epoch": snapshot.epoch, **branch}
            self.provenance = replace(self.provenance, resumed=resumed)

    def advance(self, outcome: Record | DivergedError) -> Result | None:
        """Record the outcome of an epoch; return the result, if it was the last one.

        Then the network is released: its tensors are views that keep those of others alive.
        """
        if isinstance(outcome, DivergedError):
            result = self.refuse(outcome)
            self._write_masks()
        else:
            self.history.append(outcome)
            self._emit(outcome)
            epoch_log.append_line(self.task, epoch_log.epoch_line(outcome))
            if not self.trainer.ended:
                self.snapshots.after_epoch(self.trainer, self.history)
                if not self.trainer.paused:
                    return None
            result = self.pause() if self.trainer.paused else self.finish()
        if result.reason != PAUSED:
            rung_snapshots.remove_rung_snapshots(self.task.directory)
        del self.trainer, self.data
        return result

    def _write_masks(self) -> None:
        """Write the log of mask events, if there is one, from the first process."""
        log = self.trainer.run.mask_listener
        if log is not None and self.task.rank == 0:
            log.write(self.task.directory)

    def pause(self) -> Result:
        """Return what a trial that waits at a rung has shown so far; its snapshot is there."""
        message = f"waits after epoch {self.trainer.run.epoch}"
        return Result(Status.STOPPED, PAUSED, message, {}, self.history, self.provenance)

    def refuse(self, error: Exception) -> Result:
        """Return the result of a trial that cannot be trained, or not to its end."""
        status, reason = Status.ERROR, "input"
        if isinstance(error, (CannotTrain, DivergedError)):
            status, reason = Status.FAILED, error.reason
        return Result(status, reason, str(error), {}, self.history, self.provenance)

    def finish(self) -> Result:
        """Return the result of a trial that has come to its end; test data is opened for it."""
        distributed.check_agreement(self.trainer.run)
        samples = self.data.test.open()
        test = evaluate(self.trainer, samples)
        if self.task.rank == 0:
            self.trainer.run.method.write(self.trainer.run, self.task.directory)
        self._write_masks()
        measures = final_metrics.final_measures(self.trainer, self.history, test)
        measures["train_acc"] = evaluate(self.trainer, self.trainer.run.train)[1]
        noise = component.build(InputNoise, Config(self.task.settings), "")
        measures |= noise.measures(self.trainer, samples, self.data.request)
        measures |= self.data.tasks.measures(self.history)
        if self.data.text is not None:
            measures |= self.data.text.measures(measures["val_loss"], measures["test_loss"])
        if self.task.rank == 0:  # last: it moves the model
            _saving(self.task).save(self.task, self.trainer.run, self.data)
        result = Result(
            Status.PASSED, measures=measures, history=self.history, provenance=self.provenance
        )
        epoch_log.append_line(self.task, epoch_log.end_line(result))
        return result


def prepare(task: Task) -> tuple[Trainer, Data]:
    """Build everything a trial needs; see `build_trainer`.

    Where the size of micro batches is measured, a spare trial is built first and dropped.
    """
    plan = component.build(MicroBatchPlan, Config(task.settings), "")
    start = init_from.open_start(task)
    size = plan.choose_size(build_trainer(task, start)[0]) if plan.limit else 0
    trainer, data = build_trainer(task, start)
    _saving(task).check(data)
    _tracing(task).check(trainer.device)
    graphs = component.build(GraphPlan, Config(task.settings), "").choose(trainer.device)
    return replace(trainer, micro_batch=size, until=task.until, graphs=graphs), data


def _tracing(task: Task) -> GpuTracing:
    return component.build(GpuTracing, Config(task.settings), "")


def _saving(task: Task) -> ModelSaving:
    return component.build(ModelSaving, Config(task.settings), "")


def probe_pack(tasks: Sequence[Task]) -> Result:
    """Measure how many trials of one shape to train as one program here.

    `tasks` are for trials of that shape. The result has the measures `pack`, `why` and `doubt`.
    They are kept for the next sweep on this machine, unless there was too little to do for a
    measurement, or the machine was too busy.
    """
    trial, settings, count = tasks[0].trial, Config(tasks[0].settings), len(tasks)
    device = choose_device(settings.read("DEVICE", str), Config(trial.config).read("AMP", str))
    # how much there is to do bounds how far the search goes, so it is part of the question
    shape = f"{trial.shape} 1e{len(trial.config[EPOCHS])} epochs"
    choice = pack_cache.load(shape, device, count)
    if choice is None and any(True for _ in _trainers(tasks)):
        choice = pack_size.choose_pack_size(_trainers(itertools.cycle(tasks)), count)
        if choice is not None:
            pack_cache.save(shape, device, count, choice)
    choice = choice or pack_cache.PackChoice(1, "", {})
    measures = {"pack": choice.size, "why": choice.why, "doubt": choice.doubt}
    return Result(Status.PASSED, measures=measures)


def _trainers(tasks: Iterable[Task]) -> Iterator[Trainer]:
    """Yield fresh trainers of those trials that can be trained."""
    for task in tasks:
        with contextlib.suppress(*REFUSALS):
            yield prepare(task)[0]


def measure_speed(tasks: Sequence[Task]) -> Result:
    """Measure how long the trials of `tasks` take if one program trains them."""
    plain = [trial_time.untimed(task) for task in tasks]
    return speed.measure(plain, lambda task: prepare(task)[0], train_pack)


def preflight(task: Task) -> Result:
    """Check that this machine has what the trial needs: its device, and its data, whole.

    The result has the provenance that one of training the trial would have.
    """
    config, settings = Config(task.trial.config), Config(task.settings)
    try:
        device = choose_device(settings.read("DEVICE", str), config.read("AMP", str))
        _tracing(task).check(device)
        component.build(GraphPlan, settings, "").choose(device)
        data = load_trial_data(config, settings, device, init_from.open_start(task))
    except CannotTrain as error:  # a matter of this trial alone, not of the machine
        return Result(Status.FAILED, error.reason, str(error))
    except UserError as error:
        return Result(Status.ERROR, "input", str(error))
    origin = replace(_provenance(task), data_fingerprint=data.fingerprint)
    return Result(Status.PASSED, provenance=origin)


def _provenance(task: Task) -> Provenance:
    """Return the provenance of a result, as far as it is fixed before anything is built."""
    seed = int(task.trial.config["SEED"])
    device = "cuda" if uses_gpu(task.settings["DEVICE"]) else "cpu"
    return replace(
        provenance.collect_provenance(torch.device(device)),
        started=datetime.now(UTC).isoformat(),
        config=dict(task.trial.config),
        settings=dict(task.settings),
        seeds={purpose: seeds.derive_seed(seed, purpose) for purpose in seeds.PURPOSES},
        threads=int(task.trial.config["CPU_THREADS"]),
        ranks=task.trial.ranks,
    )
