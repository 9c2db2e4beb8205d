"""One run by itself: plain PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor

from espalier.train.engine.losses import mean_losses
from espalier.train.engine.seeds import ON_GPU
from espalier.train.engine.trainer import Trainer


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
        size = self._trainer.micro_batch or len(y)
        starts = range(0, len(y), size)
        parts = [self._backward(x[i : i + size], y[i : i + size], len(y)) for i in starts]
        self._scaler.unscale_(self._run.optimizer)
        return sum(parts[1:], parts[0])

    def _backward(self, x: Tensor, y: Tensor, samples: int) -> Tensor:
        """Add the gradients of a part of a batch; return its share of the losses of `samples`."""
        with self._trainer.autocast():
            logits = self._trainer.forward(x)  # (b, classes)
        losses = mean_losses(logits, y, 1)
        if len(y) < samples:
            losses = losses * (len(y) / samples)
        torch.autograd.backward(self._scaler.scale(losses.sum()))
        return losses.detach()

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
