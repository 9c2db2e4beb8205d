"""Optimal brain damage: weights go by the loss that their removal costs to second order.

Source: LeCun, Denker and Solla 1990, Optimal Brain Damage: the saliency h_kk w_k^2 / 2, with h_kk
the diagonal of the Hessian.
Differs: the diagonal is estimated, and in three ways; theirs is a backward pass of second
derivatives of their own, without terms across units. The empirical Fisher is the mean of the
squared gradients of single samples. Gauss-Newton is that of the network's own distribution over
classes, summed exactly. Hutchinson's is that of the Hessian itself, z * Hz with signs z at random
(Yao et al. 2021, AdaHessian, arXiv 2006.00719), and may be negative.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.curvature import sample_gradients
from espalier.methods.pruning.measured_criterion import (
    DataCriterion,
    gradients_of,
    measuring,
    samples_of,
)
from espalier.sparse import processes
from espalier.sparse.pruner import Pruner


@kconfig_dataclass
class OptimalBrainDamage(DataCriterion):
    """Score h w^2 / 2; `probes` are the random directions of Hutchinson's estimate."""

    curvature: Literal["fisher", "gauss_newton", "hutchinson"]
    probes: int | None = symbol("OBD_PROBES")

    @override
    def saliencies(self, run: Run[Pruner]) -> list[Tensor]:
        estimate = {
            "fisher": self._fisher,
            "gauss_newton": self._gauss_newton,
            "hutchinson": self._hutchinson,
        }[self.curvature]
        diagonal = estimate(run)
        processes.average(diagonal)
        weights = run.method_state.masks.weights
        return [h * w.detach().square() / 2 for h, w in zip(diagonal, weights, strict=True)]

    def _fisher(self, run: Run[Pruner]) -> list[Tensor]:
        total, count = _zeros(run), 0
        for gradients in sample_gradients(self, run):
            torch._foreach_addcmul_(total, gradients, gradients)
            count += 1
        return _divided(total, count)

    def _gauss_newton(self, run: Run[Pruner]) -> list[Tensor]:
        weights, total, count = run.method_state.masks.weights, _zeros(run), 0
        with measuring(run, training=False) as model:
            for x, _ in self.passes(run):
                for sample in torch.split(x, 1):
                    logits = model(sample)
                    for direction in _roots(logits):
                        parts = gradients_of((direction * logits).sum(), weights, keep=True)
                        torch._foreach_addcmul_(total, parts, parts)
                    count += 1
                run.method_state.criterion_updates += logits.shape[1] - 1  # as many passes back
                run.count_passes(0, len(x) * (logits.shape[1] - 1))
        return _divided(total, count)

    def _hutchinson(self, run: Run[Pruner]) -> list[Tensor]:
        assert self.probes is not None, "it is there with this curvature"
        weights, total, count = run.method_state.masks.weights, _zeros(run), 0
        with measuring(run, training=False) as model:
            for x, y in self.passes(run, each=2 * self.probes):
                loss = samples_of(run).loss(model(x), y)
                slopes = gradients_of(loss, weights, graph=True)
                for _ in range(self.probes):
                    signs = [_signs(w, run.generators["method"]) for w in weights]
                    along = _dot(slopes, signs)
                    torch._foreach_addcmul_(total, signs, gradients_of(along, weights, keep=True))
                    count += 1
        return _divided(total, count)


def _zeros(run: Run[Pruner]) -> list[Tensor]:
    return [torch.zeros_like(w, requires_grad=False) for w in run.method_state.masks.weights]


def _divided(total: list[Tensor], count: int) -> list[Tensor]:
    torch._foreach_div_(total, max(1, count))
    return total


def _dot(first: list[Tensor], second: list[Tensor]) -> Tensor:
    return torch.stack([(a * b).sum() for a, b in zip(first, second, strict=True)]).sum()


def _roots(logits: Tensor) -> Tensor:
    """Return rows whose outer products sum to the Hessian of cross-entropy by logits (1, C).

    diag(p) - p p^T is the sum over classes c of p_c (e_c - p) (e_c - p)^T. Raises CannotTrain.
    """
    if logits.ndim != 2:
        raise CannotTrain(
            "no_classes",
            f"CONFIG_OBD_CURVATURE=gauss_newton: outputs of shape {tuple(logits.shape)} are no "
            "logits of one label a sample; take fisher or hutchinson",
        )
    shares = logits.detach().softmax(1)[0]
    return shares.sqrt()[:, None] * (torch.eye(len(shares)).to(shares) - shares)


def _signs(weight: Tensor, generator: torch.Generator) -> Tensor:
    """Return -1 or 1 for each element, both as likely."""
    drawn = torch.randint(2, weight.shape, generator=generator)
    return (2 * drawn - 1).to(weight)
