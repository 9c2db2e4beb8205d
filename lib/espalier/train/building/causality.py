"""The causality check: whether a model of text sees the characters that it is to predict.

Such a model reaches losses that no model can have, and every comparison with it is void. So each
model is checked before it is trained.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from espalier.core.contracts import CannotTrain
from espalier.core.samples import TokenShape

PLACES = 8  # in a window, behind each of which everything is changed
NOISE = 0.05
"""Added to the parameters of a copy: a layer that begins as zeros hides what it will pass on."""
SLACK = 1e-4
"""Of the largest logit. Rounding errors of float32 stay a hundred times below."""


@torch.no_grad()
def check_causal(model: nn.Module, shape: TokenShape, window: Tensor) -> None:
    """Raise CannotTrain if logits change with characters behind their place.

    `window` is (context,) int64. Evaluates a copy of the model; nothing is drawn from the streams
    of the trial.
    """
    if shape.context < 2 or shape.vocabulary < 2:
        return
    places = torch.linspace(0, shape.context - 2, min(PLACES, shape.context - 1)).long()
    logits: Tensor = _perturb(model).eval()(_change_behind(window, places, shape.vocabulary))
    for row, place in zip(logits[1:], places.tolist(), strict=True):
        before, own = row[: place + 1], logits[0, : place + 1]
        if not torch.allclose(before, own, rtol=0, atol=SLACK * float(logits.abs().max())):
            raise CannotTrain(
                "not_causal",
                f"the model's output at character {place + 1} of a window depends on characters "
                "behind it, which it is to predict; mask its attention or pad its convolutions "
                "on the left only",
            )


def _change_behind(window: Tensor, places: Tensor, vocabulary: int) -> Tensor:
    """Return (1 + places, context): the window, and copies changed behind each place."""
    behind = torch.arange(len(window)) > places.unsqueeze(1)  # (places, context)
    other = (window + 1) % vocabulary
    return torch.cat([window.unsqueeze(0), torch.where(behind.to(window.device), other, window)])


def _perturb(model: nn.Module) -> nn.Module:
    perturbed = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(0)
    for parameter in perturbed.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.add_(NOISE * noise.to(parameter))
    return perturbed
