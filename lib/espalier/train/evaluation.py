"""How good a network is on samples that it was not trained on."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from espalier.contracts import Split
from espalier.train.losses import wide
from espalier.train.trainee import Trainee

EVALUATION_BATCH = 2048  # samples; larger is not faster and costs memory


@torch.no_grad()
def evaluate(trainee: Trainee, split: Split) -> tuple[float, float]:
    """Mean loss of a sample and accuracy in percent over the whole split.

    One run at a time, in a pack too: its numbers are then those of a run alone.
    """
    trainee.run.model.eval()
    trainee.forward.eval()
    loss = torch.zeros((), device=split.device, dtype=torch.float64)
    hits = torch.zeros((), device=split.device, dtype=torch.int64)
    for x, y in split.pieces(EVALUATION_BATCH):
        with trainee.autocast():
            logits = wide(trainee.forward(x))  # (b, classes)
        loss += F.cross_entropy(logits, y, reduction="sum")
        hits += (logits.argmax(1) == y).sum()
    return float(loss) / len(split), 100.0 * int(hits) / len(split)
