"""One run by itself: plain PyTorch, nothing in the way."""

from __future__ import annotations

import torch
from torch import Tensor

from espalier.train.losses import mean_losses
from espalier.train.trainee import Trainee


class Solo:
    """Forward, backward and update of one run."""

    def __init__(self, trainee: Trainee) -> None:
        """Dropout draws from the global generators, which are set to where the run's stream is."""
        self._trainee, self._run = trainee, trainee.run
        fp16 = trainee.recipe.amp == "fp16"
        self._scaler = torch.amp.GradScaler(trainee.device.type, enabled=fp16)
        stream = self._run.generators["dropout"]
        torch.manual_seed(stream.initial_seed())
        torch.set_rng_state(stream.get_state())

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Losses (1,) of a batch x (b, ...), y (b,); the gradients are there, unscaled."""
        self._run.optimizer.zero_grad(set_to_none=True)
        with self._trainee.autocast():
            logits = self._trainee.forward(x)  # (b, classes)
        losses = mean_losses(logits, y, 1)
        torch.autograd.backward(self._scaler.scale(losses.sum()))
        self._scaler.unscale_(self._run.optimizer)
        return losses.detach()

    def update(self) -> None:
        """Step the optimizer, unless float16 gradients overflowed."""
        self._scaler.step(self._run.optimizer)
        self._scaler.update()

    def check(self) -> None:
        """Alone, a method may do to its model what it likes."""
