"""Sparse networks from scratch (SNFS): grow where a running average of the gradient is large.

A layer's share is the mean size of the averages of its live weights, over the sum of all layers.
Each layer loses its smallest weights at one rate, but one that is nearly full and has more than an
equal share at most at the rate of its sparsity. What all layers lose together grows by the shares,
in places that were missing or have just been dropped. A layer without room for its part is filled,
and the others get the excess in equal parts. A weight that is dropped and grown at once stays as it
is. So a layer that is full gives weights away unless its share is large.

Source: Dettmers and Zettlemoyer 2019, Sparse Networks from Scratch: Faster Training without Losing
Performance, arXiv 1907.04840, algorithm 1 and its two edge cases, as in its public code.
Differs: the average is the method's own, so that it is of gradients without weight decay, and under
Adam not divided by the root of the second moment; under SGD it is (1 - momentum) times the buffer
of torch, which no ratio or order sees. As many weights grow as are dropped, to the weight, where
the public code rounds up, smooths the error over events, and fills layers to 99 % only. The rate
falls as the cosine that all methods share. The largest weight of each unit stays. A new weight
begins without momentum.
"""

from __future__ import annotations

import math
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
    grow_as_many_as_dropped,
)
from espalier.sparse.allocation import fill_equally
from espalier.sparse.edges import Edges
from espalier.sparse.selection import select_weakest

NEARLY_FULL = 0.2
"""The sparsity below which a layer with more than an equal share loses less."""


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
            drop_criterion=drop_by_share,
            grow_criterion=score_by_momentum,
            grow_counts=grow_by_share,
            regrow=True,
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


def drop_by_share(run: Run[Sparse], schedule: DropSchedule) -> list[Tensor]:
    """Return the smallest |w| of each layer, as many as its rate says, rounded up."""
    edges = run.method_state.edges
    rate = schedule.drop_fraction(run.step, run.total_steps)
    rates = drop_rates(rate, momentum_shares(run), edges)
    quotas = [math.ceil(round(r * n, 6)) for r, n in zip(rates, edges.counts, strict=True)]
    parts = zip(edges.weights, edges.live, quotas, edges.orientations, strict=True)
    return [select_weakest(*part) for part in parts]


def drop_rates(rate: float, shares: Sequence[float], edges: Edges) -> list[float]:
    """Return the share of its live weights that each layer loses, in [0, 1]."""
    sparsities = [n / size for n, size in zip(count_missing(edges), edges.masks.sizes, strict=True)]
    return [
        min(rate, sparsity) if sparsity < NEARLY_FULL and share > 1 / len(shares) else rate
        for sparsity, share in zip(sparsities, shares, strict=True)
    ]


def grow_by_share(run: Run[Sparse], dropped: list[Tensor]) -> list[int]:
    """Return how many weights grow in each layer, of those that are missing or just dropped."""
    lost = grow_as_many_as_dropped(run, dropped)
    missing = count_missing(run.method_state.edges)
    room = [n + less for n, less in zip(missing, lost, strict=True)]
    return fill_equally(sum(lost), momentum_shares(run), room)


def momentum_shares(run: Run[Sparse]) -> list[float]:
    """Return the mean |average| of the live weights of each layer over the sum of all of these.

    Equal shares before any gradient has come.
    """
    state = run.method_state
    pairs = zip(state.memory, state.edges.live, strict=True)
    means = [
        float(average[live].abs().mean()) if bool(live.any()) else 0.0 for average, live in pairs
    ]
    total = math.fsum(means)
    return [mean / total for mean in means] if total > 0 else [1 / len(means)] * len(means)


def _finite(gradient: Tensor) -> Tensor:
    """Zero infinities, of steps that loss scaling will skip: one would stay for ever."""
    return gradient.nan_to_num(0.0, 0.0, 0.0)
