"""The only training loop.

Nothing in it waits for the device: losses are summed there and read once an epoch.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.component import symbol
from espalier.contracts import LrSchedule, Run, Split
from espalier.trial import Record

EVALUATION_BATCH = 2048  # samples; larger is not faster and costs memory
Batches = Callable[[Run], Iterator[tuple[Tensor, Tensor]]]


@dataclass(frozen=True)
class Recipe:
    """The symbols of the loop itself."""

    epochs: int = symbol("NUM_EPOCHS", 20)
    batch_size: int = symbol("BATCH_SIZE", 32)
    seed: int = symbol("SEED", 1)
    learning_rate: float = symbol("LEARNING_RATE", 0.001)
    grad_clip_norm: float = symbol("GRAD_CLIP_NORM", 0.0)
    amp: Literal["off", "bf16", "fp16"] = symbol("AMP", "off")
    compile: bool = symbol("COMPILE", False)
    cpu_threads: int = symbol("CPU_THREADS", 1)


class DivergedError(Exception):
    """A loss stopped being a number; the text says which and when."""


@dataclass
class Loop:
    """How a run is stepped: the recipe, the learning-rate schedule and where batches come from.

    With `check` the method asserts its invariants after every update.
    """

    recipe: Recipe
    schedule: LrSchedule
    batches: Batches
    check: bool = False
    _forward: nn.Module | None = field(default=None, init=False)
    _scaler: torch.amp.GradScaler | None = field(default=None, init=False)

    def epochs(self, run: Run) -> Iterator[Record]:
        """Train `run` to its end; one record an epoch.

        Raises DivergedError after the first epoch with a mean loss, of training or validation,
        that is not finite.
        """
        self._forward = compiled(run.model) if self.recipe.compile else run.model
        device = run.train.x.device
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.recipe.amp == "fp16")
        while run.epoch < run.epochs:
            yield self._epoch(run)

    def _epoch(self, run: Run) -> Record:
        started = time.perf_counter()
        train_loss = self._train(run)
        run.epoch += 1
        _check_finite("training", train_loss, run.epoch)
        run.method.after_epoch(run)
        loss, accuracy = self.evaluate(run, run.validation)
        _check_finite("validation", loss, run.epoch)
        measures = run.method.measures(run)
        return {
            "epoch": run.epoch,
            "epochs": run.epochs,
            "step": run.step,
            "train_loss": train_loss,
            "val_loss": loss,
            "val_acc": accuracy,
            "lr": run.optimizer.param_groups[0]["lr"],
            "seconds": time.perf_counter() - started,
            "sparsity": 0.0,
            **measures,
        }

    def _train(self, run: Run) -> float:
        """One epoch of updates; the mean loss of a sample."""
        run.model.train()
        total = torch.zeros((), device=run.train.x.device, dtype=torch.float64)
        samples = 0
        for x, y in self.batches(run):
            total += self._step(run, x, y).detach() * len(y)
            samples += len(y)
        return float(total) / samples

    def _step(self, run: Run, x: Tensor, y: Tensor) -> Tensor:
        """One update on a batch: x (b, channels, height, width), y (b,). Returns the loss, ()."""
        assert self._forward is not None and self._scaler is not None
        factor = self.schedule.factor(run.step, run.steps_per_epoch, run.epochs)
        for group in run.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * factor
        run.optimizer.zero_grad(set_to_none=True)
        with self._autocast(x.device):
            logits = self._forward(x)  # (b, classes)
        loss = F.cross_entropy(logits.float(), y)
        torch.autograd.backward(self._scaler.scale(loss))
        self._scaler.unscale_(run.optimizer)
        run.method.after_backward(run)
        if self.recipe.grad_clip_norm > 0:
            nn.utils.clip_grad_norm_(run.model.parameters(), self.recipe.grad_clip_norm)
        self._scaler.step(run.optimizer)
        self._scaler.update()
        run.step += 1
        run.method.after_step(run)
        if self.check:
            run.method.check(run)
        return loss

    def _autocast(self, device: torch.device) -> Any:
        if self.recipe.amp == "off":
            return contextlib.nullcontext()
        kind = torch.bfloat16 if self.recipe.amp == "bf16" else torch.float16
        return torch.autocast(device.type, dtype=kind)

    @torch.no_grad()
    def evaluate(self, run: Run, split: Split) -> tuple[float, float]:
        """Mean loss of a sample and accuracy in percent over the whole split."""
        assert self._forward is not None
        run.model.eval()
        loss = torch.zeros((), device=split.x.device, dtype=torch.float64)
        hits = torch.zeros((), device=split.x.device, dtype=torch.int64)
        for start in range(0, len(split), EVALUATION_BATCH):
            x, y = (
                split.x[start : start + EVALUATION_BATCH],
                split.y[start : start + EVALUATION_BATCH],
            )
            with self._autocast(x.device):
                logits = self._forward(x).float()  # (b, classes)
            loss += F.cross_entropy(logits, y, reduction="sum")
            hits += (logits.argmax(1) == y).sum()
        return float(loss) / len(split), 100.0 * int(hits) / len(split)


def compiled(model: nn.Module) -> nn.Module:
    """`model` compiled as in a fresh process.

    What earlier trials of this worker compiled is forgotten first: past a limit torch would run
    later models uncompiled, and their numbers would depend on what ran before.
    """
    torch.compiler.reset()
    module: nn.Module = torch.compile(model)  # type: ignore[assignment]
    return module


def _check_finite(which: str, loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise DivergedError(f"{which} loss is {loss} in epoch {epoch}")
