"""What a worker calls for each trial: configuration in, a trained and measured network out."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import torch

from espalier import budget, component
from espalier.config import Config
from espalier.contracts import (
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
from espalier.errors import UserError
from espalier.optimizers.lean import LeanAdam
from espalier.rates.plan import RatePlan
from espalier.train import answers, choosing, closing, distributed, provenance, seeds, structure
from espalier.train.album import Album
from espalier.train.augment import Augmentation
from espalier.train.causality import check_causal
from espalier.train.data import Data, load_data
from espalier.train.device import choose_device, make_deterministic, uses_gpu
from espalier.train.evaluation import evaluate
from espalier.train.folded import CannotPack
from espalier.train.loop import DivergedError, Loop
from espalier.train.parts import Parts
from espalier.train.saving import Saving
from espalier.train.shifts import shifted
from espalier.train.trainee import Recipe, Trainee
from espalier.trial import Job, Record, Result, Status


def warm() -> None:
    """Take a step of an optimizer before the first trial is timed."""
    layer = torch.nn.Linear(2, 2)
    optimizer = LeanAdam(layer.parameters(), 0.1)
    torch.autograd.backward(layer(torch.zeros(1, 2)).sum())
    optimizer.step()


def train_trial(job: Job) -> Result:
    """Train one trial to its end.

    Divergence and trials that cannot mean what they say are `failed` results; what is missing on
    this machine (data, a GPU) is an `error` result. Anything unforeseen is raised. Whatever
    comes of it, the result says what was run and where.
    """
    ((_, result),) = train_pack([job])
    return result


def train_pack(jobs: Sequence[Job]) -> Iterator[tuple[int, Result]]:
    """Train several trials, those of one structure as one program, each to its own end.

    Yields the place of each job and its result, as `train_trial` would give it, when it ends.
    Which trials were trained together changes no result but `provenance["pack"]`.
    """
    ready: list[Pupil] = []
    for place, job in enumerate(jobs):
        pupil = Pupil(place, job)
        try:
            pupil.prepare()
        except REFUSALS as error:
            yield place, pupil.refused(error)
        else:
            ready.append(pupil)
    groups = structure.groups([pupil.trainee for pupil in ready])
    together = [[ready[place] for place in group] for group in groups]
    del ready  # nothing but the loop is to hold on to what is trained
    while together:
        yield from _train_together(together.pop(0))


def _train_together(pupils: Sequence[Pupil]) -> Iterator[tuple[int, Result]]:
    """Train pupils as one program if there are several and it can be done, else one by one."""
    why = structure.why_alone(pupils[0].trainee)
    try:
        yield from _train(pupils, why)
        return
    except CannotPack as error:  # nothing has been updated
        why = str(error)
    for pupil in pupils:
        pupil.prepare()
        yield from _train([pupil], why)


def _train(pupils: Sequence[Pupil], why: str) -> Iterator[tuple[int, Result]]:
    by_run = {id(pupil.trainee.run): pupil for pupil in pupils}
    make_deterministic(pupils[0].trainee.recipe.cpu_threads)  # others were prepared since
    size = len(pupils)
    with distributed.joined(pupils[0].job, pupils[0].trainee.recipe, pupils[0].trainee.device):
        for trainee, outcome in Loop([pupil.trainee for pupil in pupils]).epochs():
            pupil = by_run[id(trainee.run)]
            pupil.origin["pack"] = {"size": size, "why": why}
            result = pupil.heard(outcome)
            if result is not None:
                del by_run[id(trainee.run)]
                yield pupil.place, result


REFUSALS = (CannotTrain, UserError)
"""What a trial can be refused for before its first step."""


class Pupil:
    """A job on its way to a result."""

    def __init__(self, place: int, job: Job) -> None:
        """`place` is the job's among those that came with it."""
        self.place, self.job = place, job
        self.history: list[Record] = []
        self.origin = {"started": datetime.now(UTC).isoformat(), **_origin(job)}

    def prepare(self) -> None:
        """Build everything anew. Raises CannotTrain or UserError."""
        self.trainee, self.data = prepare(self.job)
        self.origin["data_fingerprint"] = self.data.fingerprint
        self.origin["micro_batch"] = self.trainee.micro_batch
        self.album = Album(self.job, self.origin)
        snapshot, self.history = self.album.resume(self.trainee)
        if snapshot is not None:
            self.origin["resumed"] = {"epoch": snapshot.epoch, **snapshot.about.get("branch", {})}

    def heard(self, outcome: Record | DivergedError) -> Result | None:
        """Take in what an epoch brought; the result, if it was the last one.

        Then the network is let go: its tensors are views that would keep those of others alive.
        """
        if isinstance(outcome, DivergedError):
            result = self.refused(outcome)
        else:
            self.history.append(outcome)
            self.job.emit(outcome)
            if not self.trainee.ended:
                self.album.heed(self.trainee, self.history)
                return None
            result = self.passed()
        del self.trainee, self.data
        return result

    def refused(self, error: Exception) -> Result:
        """The result of a trial that cannot be trained, or not to its end."""
        status, reason = Status.ERROR, "input"
        if isinstance(error, (CannotTrain, DivergedError)):
            status, reason = Status.FAILED, error.reason
        return Result(status, reason, str(error), {}, self.history, self.origin)

    def passed(self) -> Result:
        """The result of a trial that has come to its end; the test data is opened for it."""
        distributed.check_agreement(self.trainee.run)
        test = evaluate(self.trainee, self.data.test.open())
        if self.job.rank == 0:
            self.trainee.run.method.write(self.trainee.run, self.job.directory)
        measures = closing.measures(self.trainee, self.history, test)
        measures["train_acc"] = evaluate(self.trainee, self.trainee.run.train)[1]
        measures |= self.data.course.measures(self.history)
        if self.data.text is not None:
            measures |= self.data.text.measures(measures["val_loss"], measures["test_loss"])
        if self.job.rank == 0:  # last: it moves the model
            _saving(self.job).save(self.job, self.trainee.run, self.data)
        return Result(
            Status.PASSED, measures=measures, history=self.history, provenance=self.origin
        )


def prepare(job: Job) -> tuple[Trainee, Data]:
    """Everything a trial needs; see `_prepare`.

    What a trial is measured with, where it has to be, is built before, and thrown away.
    """
    parts = component.build(Parts, Config(job.settings), "")
    size = parts.size(_prepare(job)[0]) if parts.most else 0
    trainee, data = _prepare(job)
    _saving(job).check(data)
    return replace(trainee, micro_batch=size), data


def _saving(job: Job) -> Saving:
    return component.build(Saving, Config(job.settings), "")


def _prepare(job: Job) -> tuple[Trainee, Data]:
    """Build a trial in the order that its random streams are drawn.

    Raises CannotTrain or UserError, and RuntimeError when a symbol of the trial was read by
    nothing: it would be listed as varied although it changed nothing.
    """
    config, settings = Config(job.trial.config), Config(job.settings)
    recipe = component.build(Recipe, config, "")
    device = choose_device(settings.read("DEVICE", str), recipe.amp)
    make_deterministic(recipe.cpu_threads)
    data = _data(config, settings, device)
    run = _run(config, recipe, data, device)
    distributed.check_shareable(run.model, recipe, job)
    schedule = component.select("lr_schedule", config, LrSchedule)
    rates = component.build(RatePlan, config, "")
    if unread := config.unread():
        raise RuntimeError(f"part of the trial but read by nothing: {', '.join(unread)}")
    run.attach()
    least_loss = 0.0 if data.text is None else data.text.least_loss
    check = settings.read("DEBUG_CHECKS", bool)
    return Trainee(run, recipe, schedule, check, least_loss, data.course, rates.scale(run)), data


def probe_pack(jobs: Sequence[Job]) -> Result:
    """How many trials of one shape to train as one program here: the measures `pack` and `why`.

    `jobs` are trials of that shape. What is found is kept for the next sweep on this machine,
    unless there was too little to do for a measurement.
    """
    config, settings = Config(jobs[0].trial.config), Config(jobs[0].settings)
    device = choose_device(settings.read("DEVICE", str), config.read("AMP", str))
    # how much there is to do bounds how far the search goes, so it is part of the question
    digits = len(jobs[0].trial.config["NUM_EPOCHS"])
    shape, count = f"{jobs[0].trial.shape} 1e{digits} epochs", len(jobs)
    found = answers.recall(shape, device, count)
    if found is None and any(True for _ in _trainees(jobs)):
        found = choosing.choose(_trainees(itertools.cycle(jobs)), count)
        if found is not None:
            answers.remember(shape, device, count, found)
    size, why = (1, "") if found is None else (found.size, found.why)
    return Result(Status.PASSED, measures={"pack": size, "why": why})


def _trainees(jobs: Iterable[Job]) -> Iterator[Trainee]:
    """Fresh trainees of those jobs that can be trained."""
    for job in jobs:
        with contextlib.suppress(*REFUSALS):
            yield prepare(job)[0]


def preflight(job: Job) -> Result:
    """Whether this machine has what the trial needs: its device, and its data, whole."""
    config, settings = Config(job.trial.config), Config(job.settings)
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
    model = _built(config, data).to(device)
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


def _built(config: Config, data: Data) -> torch.nn.Module:
    """The trial's model, within its budget."""
    spec = component.select("model", config, Model)
    budget.check_solved(spec, config)
    model = spec.build(data.shape)
    budget.check_built(model, config)
    return model


def _origin(job: Job) -> Record:
    """Where a result comes from, as far as it is known before anything is built."""
    seed = int(job.trial.config["SEED"])
    device = "cuda" if uses_gpu(job.settings["DEVICE"]) else "cpu"
    return {
        "config": dict(job.trial.config),
        "settings": dict(job.settings),
        "seeds": {purpose: seeds.derive(seed, purpose) for purpose in seeds.PURPOSES},
        **provenance.collect(torch.device(device)),
        "threads": int(job.trial.config["CPU_THREADS"]),
        "ranks": job.trial.ranks,
    }
