"""The trainer: a run with its recipe, its learning-rate schedule and the steps of an update."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import nn

from espalier.core.component import symbol
from espalier.core.contracts import LrSchedule, Run, Switching
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.norms import limit_norm
from espalier.rates.scaling import UpdateScale
from espalier.train.engine.early_stopping import EarlyStopping, EarlyStopPlan
from espalier.train.engine.task_sequence import TaskSequence


@kconfig_dataclass
class Recipe:
    """The symbols of the loop itself."""

    epochs: int = symbol("NUM_EPOCHS")
    batch_size: int = symbol("BATCH_SIZE")
    seed: int = symbol("SEED")
    learning_rate: float = symbol("LEARNING_RATE")
    grad_clip_norm: float = symbol("GRAD_CLIP_NORM")
    amp: Literal["off", "bf16", "fp16"] = symbol("AMP")
    compile: bool = symbol("COMPILE")
    cpu_threads: int = symbol("CPU_THREADS")
    devices: int = symbol("DEVICES_PER_TRIAL")
    early_stop: EarlyStopPlan | None = None


@dataclass(frozen=True, eq=False)
class Trainer:
    """Trains one run by its recipe and its learning-rate schedule.

    With `debug_checks` the method asserts its invariants after every update. A validation loss
    below `least_loss` proves that the model sees what it predicts. `tasks` sets the samples of each
    epoch. `rates` scales the update of parts of the model. A run alone computes with at most
    `micro_batch` samples at once (0: with the whole batch). It pauses after the epoch `until` (0:
    never). With `graphs` the steps of its packs are CUDA graphs.
    """

    run: Run
    recipe: Recipe
    schedule: LrSchedule
    debug_checks: bool = False
    least_loss: float = 0.0
    tasks: TaskSequence = TaskSequence()
    rates: UpdateScale | None = None
    micro_batch: int = 0
    until: int = 0
    graphs: bool = False

    @cached_property
    def forward(self) -> nn.Module:
        """Return the model, compiled if the recipe says so."""
        return compile_model(self.run.model) if self.recipe.compile else self.run.model

    @cached_property
    def scaler(self) -> torch.amp.GradScaler:
        """Return the scaler that keeps float16 gradients in range; idle in other formats."""
        return torch.amp.GradScaler(self.device.type, enabled=self.recipe.amp == "fp16")

    @cached_property
    def stopping(self) -> EarlyStopping | None:
        """Return the rule that may end the run before its last epoch; None without one."""
        plan = self.recipe.early_stop
        return None if plan is None else plan.start()

    @property
    def ended(self) -> bool:
        """Return whether the run is complete: all of its epochs are done, or it was stopped."""
        stopped = self.stopping is not None and self.stopping.stopped
        return stopped or self.run.epoch == self.run.epochs

    @property
    def paused(self) -> bool:
        """Return whether the run is not complete and waits."""
        return 0 < self.until <= self.run.epoch and not self.ended

    @property
    def device(self) -> torch.device:
        """Return the device that the run trains on."""
        return self.run.train.device

    def autocast(self) -> Any:
        """Return a context for forward passes in the recipe's number format."""
        if self.recipe.amp == "off":
            return contextlib.nullcontext()
        kind = torch.bfloat16 if self.recipe.amp == "bf16" else torch.float16
        return torch.autocast(self.device.type, dtype=kind)

    def begin_epoch(self) -> None:
        """Set the samples of the coming epoch; network and optimizer are trained from now on."""
        self.tasks.begin(self.run)
        self.run.model.train()
        if self.run.costs is not None:
            self.run.costs.begin_epoch(self.run)
        if isinstance(self.run.optimizer, Switching):
            self.run.optimizer.train()
        if self.tasks.changes_at(self.run.epoch):
            self.run.method.before_task(self.run)

    def end_updates(self) -> None:
        """Make the parameters those to be evaluated: the updates of an epoch are done."""
        if isinstance(self.run.optimizer, Switching):
            self.run.optimizer.eval()

    def rate_factor(self) -> float:
        """Return the factor of the coming update's learning rate. Raises CannotTrain."""
        step, epochs = self.run.method.rate_position(self.run)
        return self.schedule.factor(step, self.run.steps_per_epoch, epochs)

    def set_learning_rate(self) -> None:
        """Set the optimizer's learning rate for the coming update."""
        run, factor = self.run, self.rate_factor()
        for group in run.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * factor
        if self.rates is not None:
            self.rates.prepare()

    def after_backward(self) -> None:
        """Call the method's hook, then limit the norm of the gradients."""
        self.run.method.after_backward(self.run)
        if self.recipe.grad_clip_norm > 0:
            limit_norm(self.run.model.parameters(), self.recipe.grad_clip_norm)
        if self.rates is not None:
            self.rates.before()

    def after_step(self) -> None:
        """Count the update and call the method's hook."""
        if self.rates is not None:
            self.rates.after()
        self.run.step += 1
        self.run.method.after_step(self.run)
        if self.debug_checks:
            self.run.method.check(self.run)


def compile_model(model: nn.Module) -> nn.Module:
    """Return `model` compiled as in a fresh process.

    Compiled code of earlier trials of this worker is dropped first: past a limit torch would run
    later models uncompiled, and their numbers would depend on what ran before.
    """
    torch.use_deterministic_algorithms(True, warn_only=True)  # tells the compiler too
    torch.compiler.reset()
    module: nn.Module = torch.compile(model)  # type: ignore[assignment]
    return module
