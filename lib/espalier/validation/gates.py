"""The gates of `make validate`: checks of a trial, trained by the one training loop."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean

import torch

from espalier.core.samples import Split
from espalier.core.trial import Record
from espalier.train.engine.task_sequence import TaskSequence
from espalier.train.engine.trainer import Trainer
from espalier.train.loop import DivergedError, Loop
from espalier.validation.flow import GradientFlow, measure_flow
from espalier.validation.gate import (
    SIGMAS,
    Gate,
    TrainerFactory,
    class_shares,
    entropy,
    wilson_lower_bound,
)

STEPS = 200
LOSS = 0.01  # nats, at which a batch is memorized
BATCH = 32  # labels to memorize, at most
RATIO = 1000.0  # the largest gradient of a layer over the smallest
FASTER = (1.0, 10.0)  # times the learning rate, which may be too slow for one batch
SILENT = 0.5  # share of a layer's units without gradient
SHUFFLES = 2
BELOW_CHANCE_LOSS = 0.95  # times the loss of chance


def run_gates(fresh: TrainerFactory) -> Iterator[Gate]:
    """Yield all gates of one trial, in the order in which they are to be read."""
    untrained = fresh()
    yield _check_flow("gradients at the start", measure_flow(untrained))
    yield check_memorization(fresh)
    trained = fresh()
    last = train_to_end(trained)
    yield check_beats_chance(trained, last)
    yield _check_flow("gradients when trained", measure_flow(trained))
    yield check_shuffled_labels([fresh() for _ in range(SHUFFLES)])


def train_to_end(trainer: Trainer) -> Record | DivergedError:
    """Return the record of the last epoch, or the error that prevented it."""
    *_, (_, last) = Loop([replace(trainer, tasks=TaskSequence(), least_loss=0.0)]).epochs()
    return last


def _check_flow(name: str, flow: GradientFlow) -> Gate:
    """Check that every layer has a gradient, and of a similar size."""
    few, silent = flow.weakest, flow.most_silent
    numbers = {"ratio": flow.ratio, "silent": silent.silent}
    if flow.ratio > RATIO:
        rule = f"at most {RATIO:g} times that of the smallest layer, {few.name} ({few.rms:.2g})"
        return Gate(name, False, f"the largest is {flow.ratio:.3g}; must be {rule}", numbers)
    if silent.silent > SILENT:
        line = f"{silent.silent:.0%} of the units of {silent.name} have none; at most {SILENT:.0%}"
        return Gate(name, False, line, numbers)
    line = f"within a factor of {flow.ratio:.3g} of each other, {silent.silent:.0%} silent units"
    return Gate(name, True, line, numbers)


def check_memorization(fresh: TrainerFactory) -> Gate:
    """Check that one batch can be memorized, at the learning rate or a larger one."""
    name, losses = "learning a batch by heart", [math.inf]
    for factor in FASTER:
        losses = _losses_of_one_batch(fresh(), factor)
        if losses[-1] < LOSS:
            break
    line = f"loss {losses[-1]:.3g} after {len(losses)} steps at {factor:g} x the learning rate"
    numbers = {"loss": losses[-1], "steps": len(losses), "factor": factor}
    return Gate(name, losses[-1] < LOSS, f"{line}; must be below {LOSS} in {STEPS}", numbers)


def _losses_of_one_batch(trainer: Trainer, factor: float) -> list[float]:
    """Return the losses of a batch in epochs of one step each, until it is memorized."""
    run, rate = trainer.run, trainer.recipe.learning_rate * factor
    x, y = next(run.train.pieces(max(1, BATCH // run.train.y[0].numel())))
    run.train = run.validation = Split(x, y)
    run.epochs, run.batch_size = STEPS, len(y)
    recipe = replace(trainer.recipe, learning_rate=rate)
    losses: list[float] = []
    again = replace(trainer, recipe=recipe, tasks=TaskSequence(), least_loss=0.0)
    for _, record in Loop([again]).epochs():
        if isinstance(record, DivergedError):
            return [math.inf]
        losses.append(min(record["train_loss"], record["val_loss"]))
        if losses[-1] < LOSS:
            break
    return losses


def check_beats_chance(trainer: Trainer, last: Record | DivergedError) -> Gate:
    """Check that the trained network predicts validation better than class frequencies do.

    Its accuracy must exceed the largest class where its loss is below that of chance too, else the
    limit of luck with whole classes (see `chance_bound`).
    """
    name = "better than chance"
    if isinstance(last, DivergedError):
        return Gate(name, False, str(last))
    labels = trainer.run.validation.y
    classes, accuracy = class_shares(labels), last["val_acc"] / 100
    low, loss, floor = (
        wilson_lower_bound(accuracy, labels.numel()),
        last["val_loss"],
        entropy(classes),
    )
    limit = (
        max(classes)
        if loss < BELOW_CHANCE_LOSS * floor
        else chance_bound(classes, labels.numel(), 1)
    )
    numbers = {"accuracy": accuracy, "low": low, "limit": limit, "loss": loss, "entropy": floor}
    line = f"{accuracy:.1%} of validation, surely above {low:.1%}; must be above {limit:.1%}"
    if loss >= BELOW_CHANCE_LOSS * floor:
        line += f", as the loss is {loss:.2f} and that of chance {floor:.2f}"
    return Gate(name, low > limit, line, numbers)


def check_shuffled_labels(trainers: list[Trainer]) -> Gate:
    """Check that shuffled training labels bring validation down to chance."""
    name, accuracies = "chance with shuffled labels", []
    for seed, trainer in enumerate(trainers):
        run = trainer.run
        order = torch.randperm(run.train.y.numel(), generator=torch.Generator().manual_seed(seed))
        labels = run.train.y.flatten()[order.to(run.train.y.device)].view_as(run.train.y)
        run.train = replace(run.train, y=labels)
        last = train_to_end(trainer)
        if isinstance(last, DivergedError):
            return Gate(name, False, str(last))
        accuracies.append(last["val_acc"] / 100)
    answers = trainers[0].run.validation.y
    limit = chance_bound(class_shares(answers), answers.numel(), len(accuracies))
    accuracy = fmean(accuracies)
    line = f"{accuracy:.1%} of validation; must be below {limit:.1%}, or labels get in elsewhere"
    return Gate(name, accuracy < limit, line, {"accuracy": accuracy, "limit": limit})


def chance_bound(classes: list[float], n: int, networks: int) -> float:
    """Return the limit of the mean accuracy of `networks` that are independent of the labels.

    Such a network may give all samples of a class the same wrong label: right or wrong is then
    drawn for each class, not for each of the `n` samples.
    """
    chance = max(classes)
    each = chance * (1 - chance)
    variance = each * sum(share * share for share in classes) + each / n
    return min(1.0, chance + SIGMAS * math.sqrt(variance / networks))
