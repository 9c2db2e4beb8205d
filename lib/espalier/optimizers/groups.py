"""Parameter groups: which parameters weight decay touches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor


def decay_groups(parameters: Iterable[Tensor], weight_decay: float) -> list[dict[str, Any]]:
    """Return the trainable parameters in two groups, or one if the other is empty.

    Weights (two dimensions and more) decay; biases and normalisation parameters never do.
    """
    trainable = [p for p in parameters if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
