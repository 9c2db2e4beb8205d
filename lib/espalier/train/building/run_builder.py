"""Build a trial's run from its configuration: data, model, optimizer, method and schedule."""

from __future__ import annotations

import torch

from espalier.core import component
from espalier.core.contracts import CannotTrain, Dataset, LrSchedule, Method, Model, Optimizer, Run
from espalier.core.paths import BASE
from espalier.core.samples import SampleShape, Shape, TokenShape
from espalier.core.trial import Task
from espalier.core.trial_config import Config
from espalier.rates.rate_options import RatePlan
from espalier.train.building import parameter_budget
from espalier.train.building.causality import check_causal
from espalier.train.building.random_samples import STAND_IN, stand_in
from espalier.train.building.starting_point import StartingPoint, StartPlan
from espalier.train.costs.cost_meter import CostMeter
from espalier.train.data.augment import Augmentation
from espalier.train.data.distribution_shift import apply_shift
from espalier.train.data.splits import Data, load_data
from espalier.train.engine import distributed, seeds
from espalier.train.engine.device import choose_device, make_deterministic
from espalier.train.engine.trainer import Recipe, Trainer
from espalier.train.masks.mask_log import MaskLogPlan

KINDS: dict[type[Shape], str] = {SampleShape: "images", TokenShape: "a text"}


def build_trainer(task: Task, start: StartingPoint | None = None) -> tuple[Trainer, Data]:
    """Build a trial in the order that its random streams are drawn; `start` it from weights.

    Raises CannotTrain or UserError, and RuntimeError when a symbol of the trial was read by
    nothing: it would be listed as varied although it changed nothing.
    """
    config, settings = Config(task.trial.config), Config(task.settings)
    recipe = component.build(Recipe, config, "")
    device = choose_device(settings.read("DEVICE", str), recipe.amp)
    make_deterministic(recipe.cpu_threads)
    data = load_trial_data(config, settings, device, start)
    run = _run(config, recipe, data, device, start)
    distributed.check_shareable(run.model, recipe, task)
    schedule = component.select("lr_schedule", config, LrSchedule)
    rates = component.build(RatePlan, config, "")
    if unread := config.unread():
        raise RuntimeError(f"part of the trial but read by nothing: {', '.join(unread)}")
    component.build(MaskLogPlan, settings, "").listen(run)
    run.attach()
    least_loss = 0.0 if data.text is None else data.text.least_loss
    checks = settings.read("DEBUG_CHECKS", bool)
    trainer = Trainer(run, recipe, schedule, checks, least_loss, data.tasks, rates.scale(run))
    trainer.rate_factor()  # refuses what makes no sense, before the first step
    return trainer, data


def load_trial_data(
    config: Config, settings: Config, device: torch.device, start: StartingPoint | None = None
) -> Data:
    """Return the data of a trial, prepared as `start` has it. Raises CannotTrain or UserError."""
    dataset = component.select("dataset", config, Dataset)
    if STAND_IN in settings:
        dataset = stand_in(dataset, config, BASE / settings.read("DATA_DIR", str))
    model = component.select("model", config, Model)
    if model.takes is not dataset.holds:
        raise CannotTrain(
            "data_kind",
            f"CONFIG_MODEL={config.read('MODEL', str)}: takes {KINDS[model.takes]}, but "
            f"CONFIG_DATASET={config.read('DATASET', str)} holds {KINDS[dataset.holds]}",
        )
    numbers = None if start is None else start.normalization
    data = load_data(config, settings, dataset, model.input_size, device, numbers)
    if start is not None and isinstance(data.shape, SampleShape):
        start.check_images(data.shape.channels, model.input_size)
    return apply_shift(config, data)


def _run(
    config: Config, recipe: Recipe, data: Data, device: torch.device, start: StartingPoint | None
) -> Run:
    seeds.seed_globals(recipe.seed)
    plan = component.build(StartPlan, config, "")
    model = _model(config, data)
    if start is not None:
        start.load_into(model, bool(plan.fresh))
    model = model.to(device)
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
        generators=seeds.make_generators(recipe.seed, device),
        augmentation=component.build(Augmentation, config, "") if augmented else None,
        costs=CostMeter(),
    )


def _model(config: Config, data: Data) -> torch.nn.Module:
    """Build the trial's model, within its budget."""
    spec = component.select("model", config, Model)
    parameter_budget.check_solved(spec, config)
    model = spec.build(data.shape)
    parameter_budget.check_built(model, config)
    return model
