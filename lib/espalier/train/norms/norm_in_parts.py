"""Batch normalisation over a whole batch that goes through the model in parts.

Nothing but one part is in memory at a time, and the gradients are those of the whole batch. Let s_k
be the statistics of the k-th call of a forward pass, of L calls. They are means over samples, of
what the statistics of the calls before have made of them:

1. For k = 1 to L, the parts go up to call k, which gives s_k (no gradients).
2. For k = L to 1, the parts give the derivative of the loss by s_k, with the statistics of later
   calls as functions of it, whose derivatives are there already.
3. In a last pass each part adds its gradients: those of its loss, and of its share of the means
   that all statistics are, each times the derivative of step 2.

A batch is computed forward about 1.5 L + 1 times and backward about L / 2 + 1 times, which is what
exactness costs where the graph of the whole batch does not fit.

Source: the chain rule; Ioffe and Szegedy 2015, "Batch Normalization", arXiv:1502.03167.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.errors import UserError
from espalier.train.norms.norm_calls import (
    Moments,
    NormCall,
    NormMode,
    centre,
    count_numbers,
    sum_channels,
)

Forward = Callable[[Tensor], Tensor]
Objective = Callable[[int, Tensor], Tensor]
"""What the backward pass of part i begins with, (), given the logits of the part."""
Total = Callable[[Tensor], Tensor]
"""Sums a tensor over processes."""


@dataclass
class _Site:
    """A call of batch normalisation: its statistics, and the loss's derivatives by them."""

    moments: Moments
    by_mean: Tensor | None = None  # (C,)
    by_variance: Tensor | None = None

    def share(self, centred: Tensor) -> Tensor:
        """Return the derivatives times what a part adds to the statistics, up to a constant, ().

        The part (n, C, ...) is less the mean.
        """
        if self.by_mean is None or self.by_variance is None:
            return centred.new_zeros(())
        sums = self.by_mean * sum_channels(centred)
        share = sums + self.by_variance * sum_channels(centred.square())
        return share.sum() / self.moments.numbers


class _ReachedError(Exception):
    """The call that a pass is for has been reached."""


class _Measuring(NormMode):
    """Ends a forward pass at the call behind `sites`, and keeps the statistics of its part."""

    def __init__(self, sites: Sequence[_Site]) -> None:
        super().__init__()
        self._sites, self._place = sites, 0
        self.moments: Moments | None = None

    @override
    def apply(self, call: NormCall) -> Tensor:
        if self._place == len(self._sites):
            self.moments = _measure(call.x)
            raise _ReachedError
        self._place += 1
        return call.normalise(self._sites[self._place - 1].moments)


class _Differentiating(NormMode):
    """Normalises by the statistics of `sites`; those of call `at` are `leaves`, to differentiate.

    Gradients are recorded from there on; with -1 from the beginning. `shares` are those of the
    calls behind it, if the samples count.
    """

    def __init__(self, sites: Sequence[_Site], at: int, counts: bool) -> None:
        super().__init__()
        self._sites, self._at, self._counts, self._place = sites, at, counts, 0
        self.leaves: list[Tensor] = []
        self.shares: list[Tensor] = []

    @override
    def apply(self, call: NormCall) -> Tensor:
        place, site = self._place, self._sites[self._place]
        self._place += 1
        if place == self._at:
            return call.normalise(self._begin(site.moments))
        centred = call.centre(site.moments.mean)
        if place > self._at and self._counts:
            self.shares.append(site.share(centred))
        return call.scale(centred, site.moments)

    def _begin(self, moments: Moments) -> Moments:
        torch.set_grad_enabled(True)  # whoever turned it off will turn it on again
        mean, variance = (part.clone().requires_grad_() for part in moments[:2])
        self.leaves = [mean, variance]
        return Moments(mean, variance, moments.numbers)


class NormsInParts:
    """The statistics of a batch, for the batch normalisation of its parts.

    `forward` is the model's. Running statistics change once a batch, by those of the whole.
    """

    def __init__(
        self,
        norms: Sequence[nn.Module],
        forward: Forward,
        total: Total | None = None,
        counts: bool = True,
    ) -> None:
        """Sum over processes by `total`; the samples of this one add to sums if it `counts`.

        `norms` are the layers; without any, parts are as if there were nothing to normalise.
        """
        self._forward, self._total, self._counts = forward, total, counts
        self._buffers = [buffer for norm in norms for buffer in norm.buffers()]
        self._before = [buffer.clone() for buffer in self._buffers]
        self._is_needed = bool(norms)
        self._sites: list[_Site] = []

    def prepare(self, parts: Sequence[Tensor], objective: Objective) -> None:
        """Compute the statistics of a batch in parts (n, ...), and the loss's derivatives.

        Raises UserError if the parts differ in how often they are normalised.
        """
        self.measure(parts)
        for at in reversed(range(len(self._sites))):
            self._differentiate(at, parts, objective)

    @torch.no_grad()
    def measure(self, parts: Sequence[Tensor]) -> None:
        """Compute the statistics of a batch in parts (n, ...). Raises UserError."""
        while self._is_needed:
            measured = [moments for part in parts if (moments := self._moments_of(part))]
            if not measured:
                return
            if len(measured) < len(parts):
                raise UserError(
                    "CONFIG_MICRO_BATCH: parts of a batch differ in how often they pass a batch "
                    "normalisation; set CONFIG_MICRO_BATCH=0"
                )
            self._sites.append(_Site(self._merge(measured)))

    @contextmanager
    def whole_batch(self) -> Iterator[list[Tensor]]:
        """Normalise one part by the whole batch's statistics while this lasts.

        Fills the list with terms (), which are to be added to the part's objective.
        """
        if not self._is_needed:
            yield []
            return
        self._restore()
        mode = _Differentiating(self._sites, -1, self._counts)
        with mode:
            yield mode.shares

    def _moments_of(self, part: Tensor) -> Moments | None:
        """Return the statistics of a part at the next call; None if there is none."""
        self._restore()
        mode = _Measuring(self._sites)
        with mode, suppress(_ReachedError):
            self._forward(part)
        return mode.moments

    def _merge(self, measured: Sequence[Moments]) -> Moments:
        """Return the statistics of all parts of all processes.

        Source: Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance".
        """
        count = self._sum([m.numbers for m in measured])
        mean = self._sum([m.numbers * m.mean for m in measured]) / count
        spread = [m.numbers * (m.variance + (m.mean - mean).square()) for m in measured]
        return Moments(mean, self._sum(spread) / count, count)

    def _sum(self, parts: Sequence[Tensor]) -> Tensor:
        total = torch.stack(list(parts)).sum(0) * float(self._counts)
        return total if self._total is None else self._total(total)

    def _differentiate(self, at: int, parts: Sequence[Tensor], objective: Objective) -> None:
        """Set the derivatives of the loss by the statistics of call `at`."""
        grads = [self._grads(at, objective, i, part) for i, part in enumerate(parts)]
        by_mean, by_variance = zip(*grads, strict=True)
        site = self._sites[at]
        site.by_mean, site.by_variance = self._sum(by_mean), self._sum(by_variance)

    def _grads(self, at: int, objective: Objective, i: int, part: Tensor) -> tuple[Tensor, ...]:
        self._restore()
        mode = _Differentiating(self._sites, at, self._counts)
        with torch.no_grad(), mode:
            logits = self._forward(part)
        goal = sum(mode.shares, objective(i, logits))
        return torch.autograd.grad(goal, mode.leaves, allow_unused=True, materialize_grads=True)

    def _restore(self) -> None:
        """Let a pass begin with the running statistics from before the batch."""
        torch._foreach_copy_(self._buffers, self._before)


def _measure(x: Tensor) -> Moments:
    """Return the statistics of x (n, C, ...) by itself."""
    count = count_numbers(x)
    mean = sum_channels(x) / count
    return Moments(mean, sum_channels(centre(x, mean).square()) / count, count)
