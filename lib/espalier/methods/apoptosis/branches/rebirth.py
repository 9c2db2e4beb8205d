"""A residual branch that has died begins anew, as the child of another or with fresh weights.

Its last layer becomes 0, so that the network computes what it would without the branch, and the
branch grows from there as it is trained: at the first update only the last layer has a gradient.

Source: Bachlechner et al. 2020, "ReZero is all you need", arXiv:2003.04887.
Differs: the last layer itself begins at 0, where ReZero has a factor behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from espalier.methods.apoptosis.branches.residual_branches import Branch
from espalier.surgery import optimizer_state
from espalier.surgery.init_distribution import InitDistribution, estimate_distribution
from espalier.surgery.restarts.restart_protocol import Restart

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
NORMS = (*BATCH_NORMS, nn.LayerNorm, nn.GroupNorm)


Origin = InitDistribution | Tensor
"""Initial state of a parameter: the distribution of a matrix, or the values themselves."""


def record_origins(branch: Branch) -> list[Origin]:
    """Return the origin of each inner parameter; call this before training changes them."""
    parameters = [member.parameter.detach() for member in branch.inner]
    return [estimate_distribution(p) if p.ndim > 1 else p.clone() for p in parameters]


def dump_origin(origin: Origin) -> dict[str, Any]:
    """Return an origin as plain data."""
    if isinstance(origin, Tensor):
        return {"law": None, "values": origin}
    return {"law": asdict(origin), "values": None}


def load_origin(saved: Mapping[str, Any]) -> Origin:
    """Return the origin that `dump_origin` described."""
    values: Tensor = saved["values"]
    return values if saved["law"] is None else InitDistribution(**saved["law"])


@torch.no_grad()
def draw_fresh(branch: Branch, began: Sequence[Origin], generator: torch.Generator) -> None:
    """Draw weights from their first distributions; set everything else as it was at first."""
    for member, origin in zip(branch.inner, began, strict=True):
        p = member.parameter
        p.copy_(origin if isinstance(origin, Tensor) else origin.draw(p, len(p), generator))
    for owner in branch.owners():
        if isinstance(owner, BATCH_NORMS):
            owner.reset_running_stats()


@torch.no_grad()
def inherit(branch: Branch, parent: Branch, strength: float, generator: torch.Generator) -> None:
    """Copy the inner parameters of `parent`, a branch of the same kind, with noise.

    The noise of a parameter has `strength` times its root mean square as its deviation.
    Normalisation is taken over as it is.
    """
    for member, source in zip(branch.inner, parent.inner, strict=True):
        values = source.parameter.detach()
        member.parameter.copy_(values)
        if strength and not isinstance(member.owner, NORMS):
            noise = torch.randn(values.shape, generator=generator, device=generator.device)
            size = values.square().mean().sqrt()
            member.parameter.add_(noise.to(values) * (strength * size))
    for owner, source_owner in zip(branch.owners(), parent.owners(), strict=True):
        for mine, theirs in zip(owner.buffers(False), source_owner.buffers(False), strict=True):
            mine.copy_(theirs)


@torch.no_grad()
def reset_branch(
    branch: Branch, optimizer: torch.optim.Optimizer | None, restarts: Restart | None
) -> None:
    """Set the influence to 0, and the optimizer state as if the branch were new."""
    for parameter in branch.outlet:
        parameter.zero_()
    for parameter in (*branch.outlet, *(member.parameter for member in branch.inner)):
        every = torch.arange(len(parameter), device=parameter.device)
        optimizer_state.reset_slices(optimizer, parameter, 0, every, zero=True)
        if restarts is not None:
            restarts.note(parameter, 0, every)
