"""Sparse networks from scratch (SNFS): grow where a running average of the gradient is large.

Layers whose live weights have the larger averages get more of the new ones.

Source: Dettmers and Zettlemoyer 2019, Sparse Networks from Scratch: Faster Training without Losing
Performance, arXiv 1907.04840.
Differs: the average is the method's own, whatever the optimizer has; what a layer loses follows
the cosine that all methods share.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.sparse_training import (
    Rewiring,
    Sparse,
    SparseTraining,
    count_missing,
    drop_smallest_magnitudes,
    grow_as_many_as_dropped,
)
from espalier.sparse.allocation import apportion


@kconfig_dataclass
class SparseMomentum(SparseTraining):
    """`memory` has the running average of the gradient of every weight, live or not.

    Memory: one value a weight.
    """

    schedule: DropSchedule
    momentum: float

    @property
    @override
    def rewiring(self) -> Rewiring:
        return Rewiring(
            self.schedule,
            drop_criterion=drop_smallest_magnitudes,
            grow_criterion=score_by_momentum,
            grow_counts=grow_by_momentum,
        )

    @override
    def attach(self, run: Run[Sparse]) -> None:
        super().attach(run)
        state = run.method_state
        state.memory = [torch.zeros_like(w, requires_grad=False) for w in state.edges.weights]

    @override
    @torch.no_grad()
    def after_backward(self, run: Run[Sparse]) -> None:
        """Update the averages; gradients must be unscaled and not yet clipped."""
        self.take_gradients(run, [w.grad for w in run.method_state.edges.weights])
        super().after_backward(run)

    def reads_at(self, run: Run[Sparse], step: int) -> bool:
        """Return True: every gradient counts."""
        del run, step
        return True

    def acts_at(self, run: Run[Sparse], step: int) -> bool:
        """Return whether an event follows update `step`."""
        return self.schedule.is_due(step, run.total_steps)

    def from_gradient(self, weight: Tensor, gradient: Tensor) -> Tensor:
        """Return the gradient."""
        del weight
        return gradient

    @torch.no_grad()
    def take_gradients(self, run: Run[Sparse], sums: Sequence[Tensor | None]) -> None:
        """Update the averages of weights that have a gradient."""
        pairs = zip(run.method_state.memory, sums, strict=True)
        steps = [(m, _finite(g)) for m, g in pairs if g is not None]
        if steps:
            torch._foreach_lerp_([m for m, _ in steps], [g for _, g in steps], 1 - self.momentum)

    def from_data(self, run: Run[Sparse]) -> list[Tensor]:
        """Return the averages."""
        return run.method_state.memory


def score_by_momentum(run: Run[Sparse]) -> list[Tensor]:
    """Return the grow criterion of SNFS: the size of each weight's average gradient."""
    return [average.abs() for average in run.method_state.memory]


def grow_by_momentum(run: Run[Sparse], dropped: list[Tensor]) -> list[int]:
    """Return how many weights grow in each layer, in proportion to its live ones' mean average."""
    state = run.method_state
    pairs = zip(state.memory, state.edges.live, strict=True)
    means = [float(average[live].abs().mean()) for average, live in pairs]
    return apportion(sum(grow_as_many_as_dropped(run, dropped)), means, count_missing(state.edges))


def _finite(gradient: Tensor) -> Tensor:
    """Zero infinities, of steps that loss scaling will skip: one would stay for ever."""
    return gradient.nan_to_num(0.0, 0.0, 0.0)
