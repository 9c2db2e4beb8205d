"""Optimal brain surgeon on blocks: weights go by what their removal costs after the rest adapts.

Source: Hassibi and Stork 1992, Second order derivatives for network pruning: Optimal Brain
Surgeon: w_q^2 / (2 [H^-1]_qq), and -w_q / [H^-1]_qq H^-1 e_q for the other weights; with the
empirical Fisher in blocks along the diagonal, Singh and Alistarh 2020, WoodFisher, arXiv
2004.14340, sections 3 and 4.
Differs: a block is inverted at once, where WoodFisher adds sample by sample by the formula of
Sherman and Morrison, which gives the same inverse. A block does not reach from one layer into the
next. Gradients are of single samples, where the public code takes means over small batches for its
larger networks. Changes for several weights that go at once are summed, as there.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.curvature import sample_gradients
from espalier.methods.pruning.measured_criterion import DataCriterion
from espalier.sparse import processes
from espalier.sparse.optimizer_parts import move
from espalier.sparse.pruner import Pruner

PIECE = 2**22
"""Numbers of inverses that are held at once."""


@kconfig_dataclass
class OptimalBrainSurgeon(DataCriterion):
    """Score w^2 / (2 [F^-1]_qq) with F = damping + the mean of g g^T over samples, in blocks.

    With `adapt` the weights that stay in a block are changed for those that go. Memory, while it
    measures: one value a weight and sample.
    """

    block: int
    damping: float
    adapt: bool

    @override
    def saliencies(self, run: Run[Pruner]) -> list[Tensor]:
        pruner = run.method_state
        pruner.memory = self._blocks(run)
        pairs = zip(pruner.masks.weights, pruner.memory, strict=True)
        return [self._costs(weight.detach(), rows) for weight, rows in pairs]

    def _blocks(self, run: Run[Pruner]) -> list[Tensor]:
        """Return the gradients of each weight, 0 where it is pruned: (blocks, samples, block)."""
        masks, rows = run.method_state.masks, list[list[Tensor]]()
        for gradients in sample_gradients(self, run):
            rows.append([g.flatten() for g in gradients])
        stacks = [torch.stack(column) for column in zip(*rows, strict=True)]
        for stack, keep in zip(stacks, masks.keep, strict=False):
            stack.mul_(keep.flatten())
        return [_in_blocks(stack, self.block) for stack in stacks]

    def _costs(self, weight: Tensor, rows: Tensor) -> Tensor:
        costs = [
            w.square() / (2 * inverse.diagonal(dim1=1, dim2=2))
            for w, inverse in self._by_block(weight, rows)
        ]
        return torch.cat(costs).flatten()[: weight.numel()].view(weight.shape)

    def _by_block(self, values: Tensor, rows: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield values (n, block) and inverses (n, block, block) of F, some at once, in float64.

        Processes have samples of their own, and the same F.
        """
        unit = self.damping * torch.eye(self.block, dtype=torch.float64, device=rows.device)
        some = max(1, PIECE // self.block**2)
        own = _in_blocks(values.flatten()[None], self.block)[:, 0]
        for part, held in zip(torch.split(rows, some), torch.split(own, some), strict=True):
            wide = part.double()
            fisher = wide.transpose(1, 2) @ wide / part.shape[1]
            processes.average([fisher])
            yield held.double(), _inverse(fisher + unit)

    @override
    def compensate(self, run: Run[Pruner], mask: Tensor) -> None:
        """Change the weights that stay in blocks from which others go."""
        pruner = run.method_state
        if self.adapt:
            parts = zip(pruner.masks.weights, pruner.memory, pruner.masks.split(mask), strict=True)
            for weight, rows, pruned in parts:
                change = self._change(weight.detach(), rows, pruned) * ~pruned
                move(run.optimizer, weight, change)
        pruner.memory = []  # gradients of this measurement alone

    def _change(self, weight: Tensor, rows: Tensor, pruned: Tensor) -> Tensor:
        """Return the sum over pruned weights q of -w_q / [F^-1]_qq F^-1 e_q."""
        changes = [
            -(inverse @ (w / inverse.diagonal(dim1=1, dim2=2))[:, :, None])[:, :, 0]
            for w, inverse in self._by_block(weight * pruned, rows)
        ]
        return torch.cat(changes).flatten()[: weight.numel()].view(weight.shape).to(weight)


def _inverse(matrices: Tensor) -> Tensor:
    """Return the inverses of positive definite matrices (n, block, block).

    NaN if any is not finite: then the run has diverged, which ends it with its epoch.
    """
    if not bool(matrices.isfinite().all()):
        return torch.full_like(matrices, torch.nan)
    return torch.cholesky_inverse(torch.linalg.cholesky(matrices))


def _in_blocks(rows: Tensor, block: int) -> Tensor:
    """Return rows (n, weights) as (blocks, n, block), the last one filled up with 0."""
    missing = -rows.shape[1] % block
    filled = torch.nn.functional.pad(rows, (0, missing))
    return filled.view(len(rows), -1, block).transpose(0, 1)
