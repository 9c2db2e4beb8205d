"""The norm of all gradients together; torch's numbers without its sorting by device and format."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

SMALL = 1e-6  # added to the norm, as torch does, so that nothing is divided by 0


def total_norm(tensors: list[Tensor]) -> Tensor:
    """Return (): the L2 norm of all `tensors`, 1 or more on one device."""
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))
    return norm


@torch.no_grad()
def limit_norm(parameters: Iterable[Tensor], limit: float) -> None:
    """Scale all gradients of `parameters` so that their norm is at most `limit` (above 0)."""
    grads = [p.grad for p in parameters if p.grad is not None]
    if grads:
        factor = limit / (total_norm(grads) + SMALL)
        torch._foreach_mul_(grads, factor.clamp_(max=1.0))
