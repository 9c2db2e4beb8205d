"""Batches of normalised networks: alone, and as shares of two processes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.models.residual import BasicBlock
from espalier.train.engine.distributed import split_batch
from espalier.train.norms.norm_calls import batch_norms
from espalier.train.norms.norm_in_parts import NormsInParts
from espalier.train.norms.shared_norm import SharedNorm, sum_processes

SAMPLES = (6, 7, 1)
"""Even and uneven shares, and one process with no sample."""


def build() -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    stem = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3))
    model = nn.Sequential(stem, BasicBlock(3, 4, 2), nn.Flatten(), nn.Linear(16, 3)).double()
    return model, torch.randn(7, 1, 6, 6).double() + 2, torch.arange(7) % 3


def gathered(model: nn.Module) -> list[Tensor]:
    """The gradients, summed over both processes, and the buffers of this one."""
    grads = [sum_processes(p.grad) for p in model.parameters() if p.grad is not None]
    return [*grads, *model.buffers()]


def share(samples: int, in_parts: bool, rank: int) -> list[Tensor]:
    model, x, y = build()
    own, weight = split_batch(samples, rank, 2)
    x, y = x[:samples][own], y[:samples][own]
    if in_parts:
        xs, ys = torch.split(x, 2), torch.split(y, 2)
        norms = NormsInParts(batch_norms(model), model, sum_processes, weight > 0)

        def goal(i: int, logits: Tensor) -> Tensor:
            return F.cross_entropy(logits, ys[i]) * (weight * len(ys[i]) / len(y))

        norms.prepare(xs, goal)
        for i, part in enumerate(xs):
            with norms.whole_batch() as terms:
                logits = model(part)
            torch.autograd.backward(sum(terms, goal(i, logits)))
    else:
        with SharedNorm(weight > 0):
            logits = model(x)
        (weight * F.cross_entropy(logits, y)).backward()
    return gathered(model)


def run_shares(rank: int) -> list[list[list[float]]]:
    """Every batch, as a whole share and as a share in parts."""
    return [numbers(share(n, parts, rank)) for n in SAMPLES for parts in (False, True)]


def numbers(tensors: list[Tensor]) -> list[list[float]]:
    return [x.flatten().tolist() for x in tensors]


def alone(samples: int) -> list[Tensor]:
    model, x, y = build()
    F.cross_entropy(model(x[:samples]), y[:samples]).backward()
    return [*(p.grad for p in model.parameters() if p.grad is not None), *model.buffers()]
