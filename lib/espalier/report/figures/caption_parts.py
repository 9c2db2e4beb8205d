"""Sentences that the captions of several kinds have."""

from __future__ import annotations

from collections.abc import Iterable

from espalier.analysis.rank import Configuration
from espalier.core.texts.count_text import count_text

TARGET_MISSED = "the target sparsity was not reached on every seed"


def more_panels(left: int) -> str:
    """Return that so many panels are not drawn; empty if none is left out."""
    return f"{count_text(left, 'more panel')} not drawn." if left > 0 else ""


def unequal_steps(items: Iterable[Configuration]) -> str:
    """Return that configurations were not trained equally long; empty if they were."""
    steps = {mean.mean for item in items if (mean := item.measure("steps"))}
    if len(steps) < 2:
        return ""
    return f"Not trained equally long: {min(steps):,.0f} to {max(steps):,.0f} steps."
