"""What a worker calls for each trial: configuration in, a trained and measured network out."""

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
    Dataset,
    LrSchedule,
    Method,
    Model,
    Optimizer,
    Run,
    SampleShape,
    Shape,
    TokenShape,
)
from espalier.core.errors import UserError
from espalier.core.records import PackShare, Provenance
from espalier.core.trial import Emit, Record, Result, Status, Task, discard
from espalier.core.trial_config import Config
from espalier.layers.folded import CannotPack
from espalier.optimizers.lean import LeanAdam
from espalier.rates.rate_options import RatePlan
from espalier.train import distributed, final_metrics, parameter_budget, provenance, seeds
from espalier.train.causality import check_causal
from espalier.train.checkpoints.model_files import Saving
from espalier.train.checkpoints.snapshot_manager import SnapshotManager
from espalier.train.data.augment import Augmentation
from espalier.train.data.distribution_shift import shifted
from espalier.train.data.splits import Data, load_data
from espalier.train.device import choose_device, make_deterministic, uses_gpu
from espalier.train.evaluation import evaluate
from espalier.train.loop import DivergedError, Loop
from espalier.train.micro_batching import Parts
from espalier.train.packs import pack_cache, pack_compatibility, pack_size
from espalier.train.trainer import Recipe, Trainer

REFUSALS = (CannotTrain, UserError)
"""What a trial can be refused for before its first step."""


def warm() -> None:
    """Take a step of an optimizer before the first trial is timed."""
    layer = torch.nn.Linear(2, 2)
    optimizer = LeanAdam(layer.parameters(), 0.1)
    torch.autograd.backward(layer(torch.zeros(1, 2)).sum())
    optimizer.step()


def train_trial(task: Task, emit: Emit = discard) -> Result:
    """Train one trial to its end; `emit` takes a record an epoch.

    Divergence and trials that cannot mean what they say are `failed` results; what is missing on
    this machine (data, a GPU) is an `error` result. Anything unforeseen is raised. Whatever
    comes of it, the result says what was run and where.
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
            ready.append(attempt)
    groups = pack_compatibility.groups([attempt.trainer for attempt in ready])
    packs = [[ready[i] for i in group] for group in groups]
    del ready  # nothing but the loop is to hold on to what is trained
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
    with distributed.joined(pack[0].task, pack[0].trainer.recipe, pack[0].trainer.device):
        for trainer, outcome in Loop([attempt.trainer for attempt in pack]).epochs():
            attempt = by_run[id(trainer.run)]
            attempt.provenance = replace(attempt.provenance, pack=PackShare(size=size, why=why))
            result = attempt.advance(outcome)
            if result is not None:
                del by_run[id(trainer.run)]
                yield attempt.index, result


class _Attempt:
    """One try at a trial in this process, from its task to its result."""

    def __init__(self, index: int, task: Task, emit: Emit) -> None:
        """`index` is the task's among those that came with it."""
        self.index, self.task, self._emit = index, task, emit
        self.history: list[Record] = []
        self.provenance = _provenance(task)

    def prepare(self) -> None:
        """Build everything anew. Raises CannotTrain or UserError."""
        self.trainer, self.data = prepare(self.task)
        self.provenance = replace(
            self.provenance,
            data_fingerprint=self.data.fingerprint,
            micro_batch=self.trainer.micro_batch,
        )
        self.album = SnapshotManager(self.task, lambda: self.provenance)
        snapshot, self.history = self.album.resume(self.trainer)
        if snapshot is not None:
            branch = snapshot.about.get("branch", {})
            resumed = {"epoch": snapshot.epoch, **branch}
            self.provenance = replace(self.provenance, resumed=resumed)

    def advance(self, outcome: Record | DivergedError) -> Result | None:
        """Take in the outcome of an epoch; return the result, if it was the last one.

        Then the network is let go: its tensors are views that would keep those of others alive.
        """
        if isinstance(outcome, DivergedError):
            result = self.refuse(outcome)
        else:
            self.history.append(outcome)
            self._emit(outcome)
            if not self.trainer.ended:
                self.album.heed(self.trainer, self.history)
                return None
            result = self.finish()
        del self.trainer, self.data
        return result

    def refuse(self, error: Exception) -> Result:
        """Return the result of a trial that cannot be trained, or not to its end."""
        status, reason = Status.ERROR, "input"
        if isinstance(error, (CannotTrain, DivergedError)):
            status, reason = Status.FAILED, error.reason
        return Result(status, reason, str(error), {}, self.history, self.provenance)

    def finish(self) -> Result:
        """Return the result of a trial that has come to its end; test data is opened for it."""
        distributed.check_agreement(self.trainer.run)
        test = evaluate(self.trainer, self.data.test.open())
        if self.task.rank == 0:
            self.trainer.run.method.write(self.trainer.run, self.task.directory)
        measures = final_metrics.measures(self.trainer, self.history, test)
        measures["train_acc"] = evaluate(self.trainer, self.trainer.run.train)[1]
        measures |= self.data.course.measures(self.history)
        if self.data.text is not None:
            measures |= self.data.text.measures(measures["val_loss"], measures["test_loss"])
        if self.task.rank == 0:  # last: it moves the model
            _saving(self.task).save(self.task, self.trainer.run, self.data)
        return Result(
            Status.PASSED, measures=measures, history=self.history, provenance=self.provenance
        )


def prepare(task: Task) -> tuple[Trainer, Data]:
    """Build everything a trial needs; see `_prepare`.

    What a trial is measured with, where it has to be, is built before, and thrown away.
    """
    parts = component.build(Parts, Config(task.settings), "")
    size = parts.size(_prepare(task)[0]) if parts.most else 0
    trainer, data = _prepare(task)
    _saving(task).check(data)
    return replace(trainer, micro_batch=size), data


def _saving(task: Task) -> Saving:
    return component.build(Saving, Config(task.settings), "")


def _prepare(task: Task) -> tuple[Trainer, Data]:
    """Build a trial in the order that its random streams are drawn.

    Raises CannotTrain or UserError, and RuntimeError when a symbol of the trial was read by
    nothing: it would be listed as varied although it changed nothing.
    """
    config, settings = Config(task.trial.config), Config(task.settings)
    recipe = component.build(Recipe, config, "")
    device = choose_device(settings.read("DEVICE", str), recipe.amp)
    make_deterministic(recipe.cpu_threads)
    data = _data(config, settings, device)
    run = _run(config, recipe, data, device)
    distributed.check_shareable(run.model, recipe, task)
    schedule = component.select("lr_schedule", config, LrSchedule)
    rates = component.build(RatePlan, config, "")
    if unread := config.unread():
        raise RuntimeError(f"part of the trial but read by nothing: {', '.join(unread)}")
    run.attach()
    least_loss = 0.0 if data.text is None else data.text.least_loss
    check = settings.read("DEBUG_CHECKS", bool)
    return Trainer(run, recipe, schedule, check, least_loss, data.course, rates.scale(run)), data


def probe_pack(tasks: Sequence[Task]) -> Result:
    """Measure how many trials of one shape to train as one program here.

    `tasks` are for trials of that shape. The result has the measures `pack` and `why`. They are
    kept for the next sweep on this machine, unless there was too little to do for a measurement.
    """
    trial, settings, count = tasks[0].trial, Config(tasks[0].settings), len(tasks)
    device = choose_device(settings.read("DEVICE", str), Config(trial.config).read("AMP", str))
    # how much there is to do bounds how far the search goes, so it is part of the question
    shape = f"{trial.shape} 1e{len(trial.config['NUM_EPOCHS'])} epochs"
    choice = pack_cache.load(shape, device, count)
    if choice is None and any(True for _ in _trainers(tasks)):
        choice = pack_size.choose(_trainers(itertools.cycle(tasks)), count)
        if choice is not None:
            pack_cache.save(shape, device, count, choice)
    size, why = (1, "") if choice is None else (choice.size, choice.why)
    return Result(Status.PASSED, measures={"pack": size, "why": why})


def _trainers(tasks: Iterable[Task]) -> Iterator[Trainer]:
    """Yield fresh trainers of those trials that can be trained."""
    for task in tasks:
        with contextlib.suppress(*REFUSALS):
            yield prepare(task)[0]


def preflight(task: Task) -> Result:
    """Check that this machine has what the trial needs: its device, and its data, whole."""
    config, settings = Config(task.trial.config), Config(task.settings)
    try:
        device = choose_device(settings.read("DEVICE", str), config.read("AMP", str))
        _data(config, settings, device)
    except CannotTrain as error:  # a matter of this trial alone, not of the machine
        return Result(Status.FAILED, error.reason, str(error))
    except UserError as error:
        return Result(Status.ERROR, "input", str(error))
    return Result(Status.PASSED)


def _data(config: Config, settings: Config, device: torch.device) -> Data:
    dataset = component.select("dataset", config, Dataset)
    model = component.select("model", config, Model)
    if model.takes is not dataset.holds:
        raise CannotTrain(
            "data_kind",
            f"CONFIG_MODEL={config.read('MODEL', str)}: takes {_KINDS[model.takes]}, but "
            f"CONFIG_DATASET={config.read('DATASET', str)} holds {_KINDS[dataset.holds]}",
        )
    return shifted(config, load_data(config, settings, dataset, model.input_size, device))


_KINDS: dict[type[Shape], str] = {SampleShape: "images", TokenShape: "a text"}


def _run(config: Config, recipe: Recipe, data: Data, device: torch.device) -> Run:
    seeds.seed_globals(recipe.seed)
    model = _model(config, data).to(device)
    augmented = "AUGMENT_FLIP" in config
    if isinstance(data.shape, TokenShape):
        check_causal(model, data.shape, data.train.x[0])
    return Run(
        model=model,
        optimizer=component.select("optimizer", config, Optimizer).build(
            model, recipe.learning_rate
        ),
        method=component.select("method", config, Method),
        train=data.train,
        validation=data.validation,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        generators=seeds.generators(recipe.seed, device),
        augmentation=component.build(Augmentation, config, "") if augmented else None,
    )


def _model(config: Config, data: Data) -> torch.nn.Module:
    """Build the trial's model, within its budget."""
    spec = component.select("model", config, Model)
    parameter_budget.check_solved(spec, config)
    model = spec.build(data.shape)
    parameter_budget.check_built(model, config)
    return model


def _provenance(task: Task) -> Provenance:
    """Return where a result comes from, as far as that is known before anything is built."""
    seed = int(task.trial.config["SEED"])
    device = "cuda" if uses_gpu(task.settings["DEVICE"]) else "cpu"
    return replace(
        provenance.collect(torch.device(device)),
        started=datetime.now(UTC).isoformat(),
        config=dict(task.trial.config),
        settings=dict(task.settings),
        seeds={purpose: seeds.derive(seed, purpose) for purpose in seeds.PURPOSES},
        threads=int(task.trial.config["CPU_THREADS"]),
        ranks=task.trial.ranks,
    )
