"""How much activations tell about the labels: estimates of I(Z; Y), in nats.

Label information, because that of one layer about another is infinite or constant in a network
without noise (Saxe et al. 2018; Goldfeld et al. 2019). Three estimates:

* `probe`: the label entropy less the cross entropy, on samples it was not fitted to, of a logistic
  probe. Its expectation is not above I(Z; Y) but by being cut off at 0, and it is cheap: the
  default.
* `gaussian`: as if activations of each class were Gaussian, the value of shuffled labels taken off.
* `ksg`: from the distances to nearest neighbours, for a few dimensions.

All three whiten first, so none depends on the order or the scale of the units, nor, as long as no
component is left out, on any invertible linear map; units are put into an order that their values
alone decide, so that a permutation changes no bit.

Source: Kraskov, Stögbauer and Grassberger 2004, "Estimating mutual information"; Ross 2014,
"Mutual information between discrete and continuous data sets"; Ledoit and Wolf 2004, "A
well-conditioned estimator for large-dimensional covariance matrices"; Böhning 1992, "Multinomial
logistic regression algorithm", for a curvature that holds everywhere.
Differs: earlier code took the cosine between units of the same number in two layers, which is 0.002
for a permutation of the units and 9.2 without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Proxy: TypeAlias = Callable[[Tensor, Tensor, torch.Generator], float]
"""Activations (samples, units), labels (samples,) int64 and random numbers to nats."""

NEGLIGIBLE = 1e-10
"""Variance, as a share of the largest component's, below which a component is rounding."""
GAUSSIAN_MOST = 32
"""Components that the Gaussian estimate sees: a covariance a class is made of them."""
KSG_MOST = 10
"""Components that neighbours are looked for in: with more, all samples are about as far away."""
NEIGHBOURS = 5
SHUFFLES = 8


def entropy(y: Tensor) -> float:
    """The entropy of labels (samples,) in nats."""
    shares = torch.unique(y, return_counts=True)[1].double() / len(y)
    return float(-(shares * shares.log()).sum())


def whitened(x: Tensor, most: int | None = None) -> Tensor:
    """(samples, components) float64: uncorrelated, of variance 1, the largest `most` of them.

    `x` is (samples, ...). Raises ValueError for fewer than two samples or values not finite.
    """
    x = x.detach().reshape(len(x), -1).double()
    if len(x) < 2 or not x.isfinite().all():
        raise ValueError("information is of two samples or more, whose values are finite")
    x = _in_order(x)
    x = x - x.mean(0)
    left, sizes, _ = torch.linalg.svd(x, full_matrices=False)
    kept = int((sizes**2 > NEGLIGIBLE * sizes[:1] ** 2).sum()) if len(sizes) else 0
    result: Tensor = left[:, : kept if most is None else min(kept, most)] * math.sqrt(len(x))
    return result


def _in_order(x: Tensor) -> Tensor:
    """The columns of `x` sorted by their first value, then the second, and so on."""
    order = np.lexsort(x.cpu().numpy()[::-1])
    return x[:, torch.from_numpy(order).to(x.device)]


@dataclass(frozen=True)
class Probe:
    """A multinomial logistic probe of whitened activations.

    `ridge`: half its product with the mean squared weight's sum is added to the mean loss. Fitted
    to all but one of `folds` parts of the samples and judged on that one, each in turn, in `steps`
    steps of accelerated gradient descent, whose length needs no search.
    """

    ridge: float = 1e-2
    folds: int = 4
    steps: int = 100

    def __call__(self, z: Tensor, y: Tensor, generator: torch.Generator) -> float:
        """Nats that the probe knows about labels it has not seen: at least 0, at most H(Y).

        Raises ValueError for fewer samples than two a fold.
        """
        told = entropy(y) - float(self.losses(z, y, generator).mean())
        return min(max(0.0, told), entropy(y))

    def losses(self, z: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        """(samples,) float64: the cross entropy of each, by a probe that has not seen it.

        The same `generator` makes the same folds, so that two activations can be compared sample
        by sample. Raises what a call raises.
        """
        if len(y) < 2 * self.folds:
            raise ValueError(f"a probe in {self.folds} folds needs {2 * self.folds} samples")
        x, classes = whitened(z), torch.unique(y, return_inverse=True)[1]
        part = torch.randperm(len(y), generator=generator).to(y.device) % self.folds
        found = torch.zeros(len(y), dtype=x.dtype, device=x.device)
        for fold in range(self.folds):
            found[part == fold] = self._losses(x, classes, part == fold)
        return found

    def _losses(self, x: Tensor, y: Tensor, held: Tensor) -> Tensor:
        """The cross entropy of each of the samples `held` out."""
        one = torch.ones(len(x), 1, dtype=x.dtype, device=x.device)
        x = torch.cat([x, one], 1)
        weight = self._fitted(x[~held], F.one_hot(y).to(x)[~held])
        return F.cross_entropy(x[held] @ weight, y[held], reduction="none")

    def _fitted(self, x: Tensor, target: Tensor) -> Tensor:
        """(components + 1, classes): the weights; the constant's are not held small."""
        small = torch.full((x.shape[1], 1), self.ridge, dtype=x.dtype, device=x.device)
        small[-1] = 0
        gram = x.T @ x / len(x)
        length = 1 / (0.5 * float(torch.linalg.matrix_norm(gram, 2)) + self.ridge)
        weight = ahead = torch.zeros(x.shape[1], target.shape[1], dtype=x.dtype, device=x.device)
        for step in range(self.steps):
            slope = x.T @ (torch.softmax(x @ ahead, 1) - target) / len(x) + small * ahead
            before, weight = weight, ahead - length * slope
            ahead = weight + step / (step + 3) * (weight - before)
        return weight


def gaussian(z: Tensor, y: Tensor, generator: torch.Generator) -> float:
    """½ log det S less ½ Σ p_c log det S_c, the mean of shuffled labels taken off, in nats.

    Of the largest `GAUSSIAN_MOST` components, each S_c shrunk; from 0 to H(Y), as I(Z; Y) is.
    """
    x = whitened(z, GAUSSIAN_MOST)
    if x.shape[1] == 0:  # nothing differs from sample to sample
        return 0.0
    found = _between_classes(x, y)
    shuffled = (torch.randperm(len(y), generator=generator).to(y.device) for _ in range(SHUFFLES))
    chance = sum(_between_classes(x, y[order]) for order in shuffled) / SHUFFLES
    return min(max(0.0, found - chance), entropy(y))


def _between_classes(x: Tensor, y: Tensor) -> float:
    """The formula of `gaussian` for whitened `x`: log det S is about 0."""
    parts = [x[y == label] for label in torch.unique(y).tolist()]
    within = sum(len(part) * _log_det(shrunk(part)) for part in parts) / len(x)
    return 0.5 * (_log_det(shrunk(x)) - within)


def shrunk(x: Tensor) -> Tensor:
    """(d, d): the covariance of samples (n, d), drawn towards a multiple of the identity.

    By as much as is best in the mean square, estimated from the samples (Ledoit and Wolf 2004).
    """
    n, d = x.shape
    x = x - x.mean(0)
    plain = x.T @ x / n
    level = plain.diagonal().mean()
    target = level * torch.eye(d, dtype=x.dtype, device=x.device)
    distance = (plain - target).square().sum()
    error = ((x.square().sum(1).square().mean() - plain.square().sum()) / n).clamp_min(0)
    share = (error / distance).clamp_max(1) if distance > 0 else torch.ones_like(level)
    # a class of one sample has no spread: as little as is left of it keeps the logarithm finite
    return share * target + (1 - share) * plain + NEGLIGIBLE * torch.eye(d).to(x)


def _log_det(covariance: Tensor) -> float:
    return float(torch.linalg.slogdet(covariance)[1])


def gaussian_between(x: Tensor, y: Tensor) -> float:
    """I(X; Y) in nats of jointly Gaussian samples (n, a) and (n, b), from their log determinants.

    Samples must be many more than dimensions: nothing is shrunk.
    """
    x, y = whitened(x), whitened(y)
    cross = torch.linalg.svdvals(x.T @ y / len(x)).clamp_max(1 - NEGLIGIBLE)  # correlations
    return float(-0.5 * torch.log1p(-cross.square()).sum())


def ksg(z: Tensor, y: Tensor, generator: torch.Generator) -> float:
    """I(Z; Y) in nats of labels, from nearest neighbours in the largest `KSG_MOST` components.

    From 0 to H(Y). Samples of a class that has one alone are left out. Components that repeat
    values exactly make neighbours of distance 0: random numbers of `generator`, smaller than the
    components by ten orders, keep them apart. Needs scikit-learn.
    """
    from scipy.special import digamma  # here, as it is slow to import
    from sklearn.neighbors import KDTree

    x = _apart(whitened(z, KSG_MOST), generator)
    if x.shape[1] == 0:  # nothing differs from sample to sample
        return 0.0
    labels = y.cpu().numpy()
    known, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    x, place = x[counts[place] > 1], place[counts[place] > 1]
    nearest = np.minimum(NEIGHBOURS, counts - 1)
    radius = np.empty(len(x))
    for label in np.flatnonzero(counts > 1):
        own = x[place == label]
        found = KDTree(own).query(own, k=nearest[label] + 1)[0][:, -1]
        radius[place == label] = np.nextafter(found, 0)
    around = KDTree(x).query_radius(x, radius, count_only=True)
    terms = digamma(nearest[place]) - digamma(counts[place]) - digamma(around)
    return min(max(0.0, float(digamma(len(x)) + terms.mean())), entropy(y))


def ksg_between(x: Tensor, y: Tensor, generator: torch.Generator) -> float:
    """I(X; Y) in nats of continuous samples (n, a) and (n, b): the first estimate of Kraskov's.

    In the largest `KSG_MOST` components of each; at least 0. Needs scikit-learn.
    """
    from scipy.special import digamma
    from sklearn.neighbors import KDTree

    a, b = (_apart(whitened(part, KSG_MOST), generator) for part in (x, y))
    both = np.hstack([a, b])
    found = KDTree(both, metric="chebyshev").query(both, k=NEIGHBOURS + 1)[0][:, -1]
    radius = np.nextafter(found, 0)
    counts = [
        KDTree(part, metric="chebyshev").query_radius(part, radius, count_only=True)
        for part in (a, b)
    ]
    terms = sum(digamma(count).mean() for count in counts)
    return max(0.0, float(digamma(len(a)) + digamma(NEIGHBOURS) - terms))


def _apart(x: Tensor, generator: torch.Generator) -> np.ndarray:
    noise = torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x.device)
    return np.asarray((x + 1e-10 * noise).cpu().numpy())


PROXIES: Mapping[str, Proxy] = {"probe": Probe(), "gaussian": gaussian, "ksg": ksg}
"""The estimates by name. `generator` lives on the CPU."""
