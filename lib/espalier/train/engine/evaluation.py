"""Evaluation: mean loss and accuracy of a network on a split."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from espalier.core.samples import Split
from espalier.train.engine.losses import widen_float
from espalier.train.engine.trainer import Trainer

EVALUATION_BATCH = 2048  # images; larger is not faster and costs memory
EVALUATION_CHARACTERS = 8192  # of text: layers make hundreds of numbers of each


def evaluate(trainer: Trainer, split: Split) -> tuple[float, float]:
    """Return loss and accuracy of the trainer's model, in the recipe's number format.

    The model is left in evaluation mode. Runs of a pack are evaluated one at a time, so that their
    numbers are those of a run alone.
    """
    trainer.run.model.eval()
    if trainer.forward is not trainer.run.model:  # compiled
        trainer.forward.eval()
    return evaluate_model(trainer.forward, split, trainer.autocast())


@torch.no_grad()
def evaluate_model(model: nn.Module, split: Split, context: Any = None) -> tuple[float, float]:
    """Return mean loss (nats a label) and accuracy (percent) over a split; the mode stays.

    An image has one label; a window of text has one for each character, the next. `context` is a
    reusable context of forward passes, such as an autocast.
    """
    loss = torch.zeros((), device=split.device, dtype=torch.float64)
    hits = torch.zeros((), device=split.device, dtype=torch.int64)
    for x, y in split.pieces(_piece(split)):
        with context or contextlib.nullcontext():
            logits = widen_float(model(x)).flatten(0, -2)  # (labels, classes)
        loss += F.cross_entropy(logits, y.flatten(), reduction="sum")
        hits += (logits.argmax(1) == y.flatten()).sum()
    labels = split.y.numel()
    return float(loss) / labels, 100.0 * int(hits) / labels


def _piece(split: Split) -> int:
    """Return how many samples to evaluate at once."""
    if split.y.ndim == 1:
        return EVALUATION_BATCH
    return max(1, EVALUATION_CHARACTERS // split.y.shape[1])
