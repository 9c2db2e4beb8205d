"""One run by itself: plain PyTorch, nothing in the way."""

from __future__ import annotations

import torch
from torch import Tensor

from espalier.train.losses import mean_losses
from espalier.train.seeds import ON_GPU
from espalier.train.trainee import Trainee


class Solo:
    """Forward, backward and update of one run."""

    def __init__(self, trainee: Trainee) -> None:
        """Dropout draws from the global generators, which are set to where the run's stream is."""
        self._trainee, self._run = trainee, trainee.run
        self._scaler = trainee.scaler
        stream = self._run.generators["dropout"]
        torch.manual_seed(stream.initial_seed())
        torch.set_rng_state(stream.get_state())
        if ON_GPU in self._run.generators:
            torch.cuda.set_rng_state(self._run.generators[ON_GPU].get_state(), trainee.device)

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Losses (1,) of a batch x (b, ...), y (b,); the gradients are there, unscaled."""
        self._run.optimizer.zero_grad(set_to_none=True)
        most = self._trainee.micro_batch or len(y)
        starts = range(0, len(y), most)
        parts = [self._backward(x[i : i + most], y[i : i + most], len(y)) for i in starts]
        self._scaler.unscale_(self._run.optimizer)
        return sum(parts[1:], parts[0])

    def _backward(self, x: Tensor, y: Tensor, samples: int) -> Tensor:
        """Add the gradients of a part of a batch; its share of the losses of all `samples`."""
        with self._trainee.autocast():
            logits = self._trainee.forward(x)  # (b, classes)
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
        """Alone, a method may do to its model what it likes."""

    def settle(self) -> None:
        """Leave the run's generators where the global ones have come to."""
        generators, device = self._run.generators, self._trainee.device
        generators["dropout"].set_state(torch.get_rng_state())
        if device.type == "cuda":
            on_gpu = generators.setdefault(ON_GPU, torch.Generator(device))
            on_gpu.set_state(torch.cuda.get_rng_state(device))
