"""How good a network is on samples that it was not trained on."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from espalier.contracts import Split
from espalier.train.losses import wide
from espalier.train.trainee import Trainee

EVALUATION_BATCH = 2048  # images; larger is not faster and costs memory
EVALUATION_CHARACTERS = 8192  # of text: layers make hundreds of numbers of each


@torch.no_grad()
def evaluate(trainee: Trainee, split: Split) -> tuple[float, float]:
    """Mean loss of a label and accuracy in percent over the whole split.

    An image has one label, a window of text one a character, the one that follows. One run at a
    time, in a pack too: its numbers are then those of a run alone.
    """
    trainee.run.model.eval()
    trainee.forward.eval()
    loss = torch.zeros((), device=split.device, dtype=torch.float64)
    hits = torch.zeros((), device=split.device, dtype=torch.int64)
    for x, y in split.pieces(_piece(split)):
        with trainee.autocast():
            logits = wide(trainee.forward(x)).flatten(0, -2)  # (labels, classes)
        loss += F.cross_entropy(logits, y.flatten(), reduction="sum")
        hits += (logits.argmax(1) == y.flatten()).sum()
    labels = split.y.numel()
    return float(loss) / labels, 100.0 * int(hits) / labels


def _piece(split: Split) -> int:
    """Samples to look at together."""
    if split.y.ndim == 1:
        return EVALUATION_BATCH
    return max(1, EVALUATION_CHARACTERS // split.y.shape[1])
