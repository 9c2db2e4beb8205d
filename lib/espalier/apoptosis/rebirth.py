"""A residual branch that has died begins anew, as the child of another or with fresh weights.

Its last layer becomes 0, so that the network computes what it would without the branch, and the
branch grows from there as it is trained: at the first update only the last layer has a gradient.

Source: Bachlechner et al. 2020, "ReZero is all you need", arXiv:2003.04887.
Differs: the last layer itself begins at 0, where ReZero has a factor behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from espalier.apoptosis.residual_branches import Branch, Member
from espalier.surgery import state
from espalier.surgery.law import Law, law_of_weight
from espalier.surgery.restart import Restarts

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
NORMS = (*BATCH_NORMS, nn.LayerNorm, nn.GroupNorm)


@dataclass(frozen=True)
class Origin:
    """How a parameter began: the law of a matrix, or the values themselves."""

    law: Law | None
    values: Tensor | None

    def draw(self, like: Tensor, generator: torch.Generator) -> Tensor:
        """New values in the shape of `like`."""
        if self.law is not None:
            return self.law.draw(like, len(like), generator)
        assert self.values is not None
        return self.values.to(like)

    def state_dict(self) -> dict[str, Any]:
        """This origin as plain data."""
        return {"law": None if self.law is None else asdict(self.law), "values": self.values}

    @classmethod
    def of_state(cls, saved: Mapping[str, Any]) -> Origin:
        """The inverse of `state_dict`."""
        return cls(None if saved["law"] is None else Law(**saved["law"]), saved["values"])


def origins(branch: Branch) -> list[Origin]:
    """Of each inner parameter, as it is now: to be asked before training changes them."""
    return [_origin(member) for member in branch.inner]


def _origin(member: Member) -> Origin:
    parameter = member.parameter.detach()
    if parameter.ndim > 1:
        return Origin(law_of_weight(parameter), None)
    return Origin(None, parameter.clone())


@torch.no_grad()
def fresh(branch: Branch, began: Sequence[Origin], generator: torch.Generator) -> None:
    """Weights from the laws they first came from, everything else as it was at first."""
    for member, origin in zip(branch.inner, began, strict=True):
        member.parameter.copy_(origin.draw(member.parameter, generator))
    for owner in branch.owners():
        if isinstance(owner, BATCH_NORMS):
            owner.reset_running_stats()


@torch.no_grad()
def inherit(branch: Branch, parent: Branch, strength: float, generator: torch.Generator) -> None:
    """The inner parameters of `parent`, a branch of the same kind, with noise.

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
def begin(
    branch: Branch, optimizer: torch.optim.Optimizer | None, restarts: Restarts | None
) -> None:
    """No influence yet, and an optimizer that knows nothing of what was there before."""
    for parameter in branch.outlet:
        parameter.zero_()
    for parameter in (*branch.outlet, *(member.parameter for member in branch.inner)):
        every = torch.arange(len(parameter), device=parameter.device)
        state.reset(optimizer, parameter, 0, every, zero=True)
        if restarts is not None:
            restarts.note(parameter, 0, every)
