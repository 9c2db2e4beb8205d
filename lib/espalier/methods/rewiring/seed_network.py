"""A linear classifier trained for a few epochs, whose weights seed a sparse network."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.contracts import CannotTrain, LrSchedule, Method, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.train.engine import seeds
from espalier.train.engine.trainer import Recipe, Trainer
from espalier.train.loop import DivergedError, Loop

LARGEST_SEED = 2**31


@kconfig_dataclass
class ConstantRate(LrSchedule):
    """A constant learning rate."""

    @override
    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return 1.0


def train_linear_classifier(run: Run, classes: int, epochs: int) -> Tensor:
    """Return the weights of a linear classifier of `run`'s training samples: (classes, inputs).

    Trained from 0 by Adam at the run's rate and batch size. torch's global generators stay as they
    are. Raises CannotTrain if the loss stops being a number.
    """
    seed = torch.randint(LARGEST_SEED, (), generator=run.generators["method"])
    recipe = Recipe(
        epochs=epochs,
        batch_size=run.batch_size,
        seed=int(seed),
        learning_rate=run.optimizer.param_groups[0]["lr"],
        grad_clip_norm=0.0,
        amp="off",
        compile=False,
        cpu_threads=1,
        devices=1,
    )
    with torch.random.fork_rng(), torch.enable_grad():
        small = _classifier_run(run, classes, recipe)
        for _, outcome in Loop([Trainer(small, recipe, ConstantRate())]).epochs():
            if isinstance(outcome, DivergedError):
                raise CannotTrain(outcome.reason, f"the small network's {outcome}")
    return small.model.get_parameter("1.weight").detach()


def _classifier_run(run: Run, classes: int, recipe: Recipe) -> Run:
    x, _ = next(iter(run.train.pieces(1)))
    layer = nn.Linear(x.numel(), classes)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    model = nn.Sequential(nn.Flatten(), layer).to(x)
    return Run(
        model=model,
        optimizer=torch.optim.Adam(model.parameters(), recipe.learning_rate),
        method=Method(),
        train=run.train,
        validation=run.train,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        generators=seeds.make_generators(recipe.seed, run.train.device),
    )
