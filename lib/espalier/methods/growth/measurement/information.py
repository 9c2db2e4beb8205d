"""The information of activations about the labels: an estimate of I(Z; Y), in nats.

Label information, because that of one layer about another is infinite or constant in a network
without noise (Saxe et al. 2018; Goldfeld et al. 2019). The estimate is the label entropy less the
cross entropy, on samples it was not fitted to, of a logistic probe. Its expectation is not above
I(Z; Y) but by being cut off at 0, and it is cheap.

Activations are whitened first, so the estimate depends neither on the order nor the scale of the
units, nor, as long as no component is left out, on any invertible linear map; units are put into an
order that their values alone decide, so that a permutation changes no bit.

Source: Böhning 1992, "Multinomial logistic regression algorithm", for a curvature that holds
everywhere.
Differs: earlier code took the cosine between units of the same number in two layers, which is 0.002
for a permutation of the units and 9.2 without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

NEGLIGIBLE = 1e-10
"""Variance, as a share of the largest component's, below which a component is rounding."""


def entropy(y: Tensor) -> float:
    """Return the entropy of labels (samples,) in nats."""
    shares = torch.unique(y, return_counts=True)[1].double() / len(y)
    return float(-(shares * shares.log()).sum())


def whitened(x: Tensor) -> Tensor:
    """Return uncorrelated components of variance 1, the largest first: (samples, components).

    In float64; `x` is (samples, ...). Raises ValueError for fewer than two samples, or values
    that are not finite.
    """
    x = x.detach().reshape(len(x), -1).double()
    if len(x) < 2 or not x.isfinite().all():
        raise ValueError("information is of two samples or more, whose values are finite")
    x = _in_order(x)
    x = x - x.mean(0)
    left, sizes, _ = torch.linalg.svd(x, full_matrices=False)
    kept = int((sizes**2 > NEGLIGIBLE * sizes[:1] ** 2).sum()) if len(sizes) else 0
    result: Tensor = left[:, :kept] * math.sqrt(len(x))
    return result


def _in_order(x: Tensor) -> Tensor:
    """Sort the columns of `x` by their first value, then the second, and so on."""
    order = np.lexsort(x.cpu().numpy()[::-1])
    return x[:, torch.from_numpy(order).to(x.device)]


@dataclass(frozen=True)
class LabelProbe:
    """A multinomial logistic probe of whitened activations.

    `ridge`: half its product with the mean squared weight's sum is added to the mean loss. Fitted
    to all but one of `folds` parts of the samples and judged on that one, each in turn, in `steps`
    steps of accelerated gradient descent, whose length needs no search.
    """

    ridge: float = 1e-2
    folds: int = 4
    steps: int = 100

    def __call__(self, z: Tensor, y: Tensor, generator: torch.Generator) -> float:
        """Return the probe's information about labels it was not fitted to, in [0, H(Y)] nats.

        Raises ValueError for fewer samples than two a fold.
        """
        information = entropy(y) - float(self.losses(z, y, generator).mean())
        return min(max(0.0, information), entropy(y))

    def losses(self, z: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        """Return the cross entropy of each sample by a probe not fitted to it: (samples,) float64.

        The same `generator` makes the same folds, so that two activations can be compared sample
        by sample. Raises what a call raises.
        """
        if len(y) < 2 * self.folds:
            raise ValueError(f"a probe in {self.folds} folds needs {2 * self.folds} samples")
        x, classes = whitened(z), torch.unique(y, return_inverse=True)[1]
        part = torch.randperm(len(y), generator=generator).to(y.device) % self.folds
        losses = torch.zeros(len(y), dtype=x.dtype, device=x.device)
        for fold in range(self.folds):
            losses[part == fold] = self._losses(x, classes, part == fold)
        return losses

    def _losses(self, x: Tensor, y: Tensor, held_out: Tensor) -> Tensor:
        """Return the cross entropy of each sample `held_out` (bool) of the fit."""
        constant = torch.ones(len(x), 1, dtype=x.dtype, device=x.device)
        x = torch.cat([x, constant], 1)
        weight = self._fit(x[~held_out], F.one_hot(y).to(x)[~held_out])
        return F.cross_entropy(x[held_out] @ weight, y[held_out], reduction="none")

    def _fit(self, x: Tensor, target: Tensor) -> Tensor:
        """Return weights (components + 1, classes); the constant's are not regularized."""
        ridge = torch.full((x.shape[1], 1), self.ridge, dtype=x.dtype, device=x.device)
        ridge[-1] = 0
        gram = x.T @ x / len(x)
        length = 1 / (0.5 * float(torch.linalg.matrix_norm(gram, 2)) + self.ridge)
        weight = ahead = torch.zeros(x.shape[1], target.shape[1], dtype=x.dtype, device=x.device)
        for step in range(self.steps):
            gradient = x.T @ (torch.softmax(x @ ahead, 1) - target) / len(x) + ridge * ahead
            before, weight = weight, ahead - length * gradient
            ahead = weight + step / (step + 3) * (weight - before)
        return weight
