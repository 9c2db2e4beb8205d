"""One run by itself: plain PyTorch."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from espalier.train.engine.losses import mean_losses
from espalier.train.engine.seeds import ON_GPU
from espalier.train.engine.trainer import Trainer
from espalier.train.norms.norm_calls import batch_norms
from espalier.train.norms.norm_in_parts import NormsInParts


class SingleProgram:
    """Forward, backward and update of one run."""

    def __init__(self, trainer: Trainer) -> None:
        """Set the global generators, which dropout draws from, to where the run's stream is."""
        self._trainer, self._run = trainer, trainer.run
        self._scaler = trainer.scaler
        stream = self._run.generators["dropout"]
        torch.manual_seed(stream.initial_seed())
        torch.set_rng_state(stream.get_state())
        if ON_GPU in self._run.generators:
            torch.cuda.set_rng_state(self._run.generators[ON_GPU].get_state(), trainer.device)

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return losses (1,) of a batch x (b, ...), y (b,); gradients are in place, unscaled."""
        self._run.optimizer.zero_grad(set_to_none=True)
        losses = self._whole(x, y) if self._size(y) >= len(y) else self._in_parts(x, y)
        self._scaler.unscale_(self._run.optimizer)
        return losses

    def _size(self, y: Tensor) -> int:
        """Return how many samples are computed with at once."""
        return self._trainer.micro_batch or len(y)

    def _whole(self, x: Tensor, y: Tensor) -> Tensor:
        losses = mean_losses(self._logits(x), y, 1)
        torch.autograd.backward(self._goal(losses))
        return losses.detach()

    def _in_parts(self, x: Tensor, y: Tensor, weight: float = 1.0) -> Tensor:
        """Add the gradients of all parts; return `weight` times the mean loss (1,) of y (b,)."""
        xs, ys = torch.split(x, self._size(y)), torch.split(y, self._size(y))
        norms = self._norms(weight > 0)

        def share(i: int, logits: Tensor) -> Tensor:
            return mean_losses(logits, ys[i], 1) * (weight * len(ys[i]) / len(y))

        norms.prepare(xs, lambda i, logits: self._goal(share(i, logits)))
        total = []
        for i, part in enumerate(xs):
            with self._adding(i == len(xs) - 1):
                with norms.whole_batch() as terms:
                    logits = self._trained_logits(part)
                losses = share(i, logits)
                torch.autograd.backward(sum(terms, self._goal(losses)))
            total.append(losses.detach())
        return torch.stack(total).sum(0)

    def _norms(self, counts: bool) -> NormsInParts:
        """Return the normalisation of parts; `counts` unless a share is without samples."""
        return NormsInParts(batch_norms(self._run.model), self._logits)

    def _goal(self, losses: Tensor) -> Tensor:
        """Return what the backward pass begins with, (), for losses (1,)."""
        return self._scaler.scale(losses.sum())

    def _adding(self, is_last: bool) -> AbstractContextManager[None]:
        """Return a context for a pass whose gradients are added to those of other parts."""
        return nullcontext()

    def _trained_logits(self, x: Tensor) -> Tensor:
        """Return the logits of a pass whose gradients the parameters get."""
        return self._logits(x)

    def _logits(self, x: Tensor) -> Tensor:
        with self._trainer.autocast():
            logits: Tensor = self._trainer.forward(x)  # (b, classes)
        return logits

    def update(self) -> None:
        """Step the optimizer, unless float16 gradients overflowed."""
        self._scaler.step(self._run.optimizer)
        self._scaler.update()

    def check(self) -> None:
        """Do nothing: alone, a method may do to its model what it likes."""

    def store_generators(self) -> None:
        """Copy the state of the global generators to the run's."""
        generators, device = self._run.generators, self._trainer.device
        generators["dropout"].set_state(torch.get_rng_state())
        if device.type == "cuda":
            on_gpu = generators.setdefault(ON_GPU, torch.Generator(device))
            on_gpu.set_state(torch.cuda.get_rng_state(device))
