"""N:M sparsity by SR-STE: of every M inputs in a row, a unit computes with the N largest.

The gradient of a weight in the network goes to its dense one as it is, whether it is masked or not
(straight through). Masked ones are pulled towards 0 beside that, so that masks come to rest.

A group is M inputs of one unit, for a convolution M channels at one place of its kernel. A layer
whose inputs are not a multiple of M stays dense.

Source: Zhou et al. 2021, Learning N:M Fine-grained Structured Sparse Neural Networks From Scratch,
arXiv 2102.04010, equation 9 (SR-STE), and its public code.
Differs: layers stay dense where M does not divide their inputs, where the code cuts kernels in rows
too, and else the last layer is masked, which the code's networks have dense; the pull is no part of
an optimizer's weight decay, which acts on dense weights.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.latent.group_schedule import GroupSchedule
from espalier.methods.latent.latent_weights import Latent, LatentSparsity
from espalier.sparse.orientation import Orientation
from espalier.sparse.selection import magnitudes


@kconfig_dataclass
class NMSparsity(LatentSparsity):
    """Keep some of every group of inputs; `decay` is the factor of masked weights, 0 or more."""

    groups: GroupSchedule
    decay: float

    @property
    @override
    def target(self) -> float:
        return 1 - self.groups.n / self.groups.m

    @override
    def attach(self, run: Run[Latent]) -> None:
        self.groups.check_length(run.length)
        super().attach(run)
        state = run.method_state
        pairs = zip(state.weights, state.orientations, strict=True)
        if not any(self._divides(*pair) for pair in pairs):
            raise CannotTrain(
                "no_layer_in_groups",
                f"CONFIG_NM_M={self.groups.m} divides the inputs of no layer of the model: set "
                "another",
            )
        state.masks.trained = [torch.ones_like(w, dtype=torch.bool) for w in state.weights]
        state.hide(self._select(state))

    @override
    def after_backward(self, run: Run[Latent]) -> None:
        state = run.method_state
        for weight, dense, live in zip(state.weights, state.dense, state.live, strict=True):
            if weight.grad is not None:
                weight.grad.add_(dense * ~live, alpha=self.decay)
        super().after_backward(run)

    @override
    def after_step(self, run: Run[Latent]) -> None:
        run.method_state.hide(self._select(run.method_state))

    def _divides(self, weight: Tensor, orientation: Orientation) -> bool:
        """Return whether the inputs of a layer's units come out in whole groups."""
        return orientation.by_unit(weight).shape[1] % self.groups.m == 0

    def _select(self, state: Latent) -> list[Tensor]:
        """Return which weights are live, of the dense ones in the parameters."""
        live = []
        for weight, orientation in zip(state.weights, state.orientations, strict=True):
            rows = orientation.by_unit(magnitudes(weight))
            kept = torch.ones_like(rows, dtype=torch.bool)
            if self._divides(weight, orientation):
                kept = largest_of_groups(rows, self.groups.n, self.groups.m)
            live.append(orientation.as_stored(kept))
        return live


def largest_of_groups(rows: Tensor, n: int, m: int) -> Tensor:
    """Return the `n` largest of every `m` inputs in a row: bool, as `rows` (units, inputs, ...).

    The inputs must be a multiple of `m`. Of equal ones the last is kept.
    """
    last = rows.movedim(1, -1)  # (units, ..., inputs)
    groups = last.reshape(*last.shape[:-1], -1, m)
    weakest = groups.sort(dim=-1, stable=True).indices[..., : m - n]
    kept = torch.ones_like(groups, dtype=torch.bool).scatter_(-1, weakest, value=False)
    return kept.flatten(-2).movedim(-1, 1)
