"""The overgrown network of Firefly: every candidate neuron at once, each with its own epsilon.

Source: Wu, Liu, Stone and Liu 2020, "Firefly Neural Architecture Descent", arXiv 2102.08574,
sections 2.1 (candidates) and 2.2 (equations 4 to 6).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from espalier.sparse import processes
from espalier.surgery import birth
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pair_layers import by_output, is_swapped
from espalier.surgery.pairing.pairs import Pair, find_pairs
from espalier.surgery.resize import widen
from espalier.train.engine.losses import mean_losses

QUADRATURE = 3
"""Points of the integral of a score over epsilon, as in the paper."""


class DescentStep(NamedTuple):
    """The rate of a step of gradient descent, and the largest epsilon."""

    rate: float
    limit: float


@dataclass
class Candidates:
    """What is trained of `size` splits and then new neurons.

    `epsilon` (size + new,), directions of the splits (size, fan_in) of length 1, incoming weights
    (new, fan_in) of the length they were drawn with, outgoing ones (outputs, new * per, ...) of
    length 1 for each neuron.
    """

    epsilon: Tensor
    splits: Tensor
    incoming: Tensor
    outgoing: Tensor

    def tensors(self) -> list[Tensor]:
        """Return all four, in the order above."""
        return [self.epsilon, self.splits, self.incoming, self.outgoing]


class FireflyDraft:
    """A copy of a model in which one pair has all candidates; the model stays as it is."""

    def __init__(self, model: nn.Module, name: str, new: int, generator: torch.Generator) -> None:
        """Split every neuron of the pair `name`, and add `new` ones."""
        self.model = copy.deepcopy(model).eval()
        self.pair = next(pair for pair in find_pairs(self.model) if pair.name == name)
        site, self.size = EditContext(self.pair), self.pair.size
        self.parents = torch.arange(self.size, device=self.pair.device)
        slots = widen(site, self.size + new)
        self.twins, self.new = slots[: self.size], slots[self.size :]
        birth.split(site, self.twins, self.parents, generator, birth.Portion(0.5, 0.0))
        birth.fresh(site, self.new, generator)
        self._names = {module: name for name, module in self.model.named_modules()}
        self._lengths = self.pair.incoming()[self.new].norm(dim=1, keepdim=True)

    def draw(self, limit: float, generator: torch.Generator) -> Candidates:
        """Return candidates with random directions, each epsilon at its `limit`."""
        rows = self.pair.incoming()
        out = self.pair.out_weight.index_select(1, self.pair.columns(self.new))
        random = [
            torch.randn(x.shape, generator=generator, device=generator.device).to(rows)
            for x in (rows[self.parents], out)
        ]
        epsilon = rows.new_full((self.size + len(self.new),), limit)
        drawn = Candidates(epsilon, random[0], rows[self.new].clone(), random[1])
        return self._project(drawn, limit)

    def train(
        self, given: Candidates, batch: tuple[Tensor, Tensor], step: DescentStep
    ) -> Candidates:
        """Return candidates after one step of gradient descent on a batch."""
        grads = self.gradients(given, *batch)
        moved = [t - step.rate * g for t, g in zip(given.tensors(), grads, strict=True)]
        return self._project(Candidates(*moved), step.limit)

    def scores(self, given: Candidates, x: Tensor, y: Tensor) -> Tensor:
        """Return (size + new,): the mean gradient by epsilon on the way from 0 to where it is."""
        total = torch.zeros_like(given.epsilon)
        for number in range(QUADRATURE):
            share = (2 * number + 1) / (2 * QUADRATURE)
            there = Candidates(share * given.epsilon, given.splits, given.incoming, given.outgoing)
            total += self.gradients(there, x, y)[0]
        return total / QUADRATURE

    def gradients(self, given: Candidates, x: Tensor, y: Tensor) -> list[Tensor]:
        """Return the gradients of the mean loss of a batch, by each tensor of the candidates."""
        leaves = [t.detach().requires_grad_() for t in given.tensors()]
        with torch.enable_grad():
            loss = mean_losses(functional_call(self.model, self._weights(leaves), (x,)), y, 1)[0]
            grads = list(torch.autograd.grad(loss, leaves, allow_unused=True))
        parts = zip(leaves, grads, strict=True)
        filled = [torch.zeros_like(t) if g is None else g for t, g in parts]
        processes.average(filled)
        return filled

    def _weights(self, leaves: list[Tensor]) -> dict[str, Tensor]:
        """Return the weights of producer and consumer, by name, at these candidates."""
        epsilon, splits, incoming, outgoing = leaves
        pair, weight = self.pair, by_output(self.pair.producer)
        step = epsilon[: self.size, None] * splits
        rows = weight.flatten(1).index_add(0, self.parents, step).index_add(0, self.twins, -step)
        rows = rows.index_copy(0, self.new, incoming)
        sent = scaled_outgoing(outgoing, epsilon[self.size :], pair.per)
        columns = pair.out_weight.index_copy(1, pair.columns(self.new), sent)
        return {
            f"{self._names[pair.producer]}.weight": rows.view_as(weight),
            f"{self._names[pair.consumer]}.weight": columns,
        }

    def _project(self, given: Candidates, limit: float) -> Candidates:
        return Candidates(
            given.epsilon.clamp(-limit, limit),
            F.normalize(given.splits, dim=1),
            self._lengths * F.normalize(given.incoming, dim=1),
            birth.normalize_outgoing(given.outgoing, self.pair.per),
        )


def scaled_outgoing(outgoing: Tensor, epsilon: Tensor, per: int) -> Tensor:
    """Return outgoing weights (outputs, n * per, ...), each neuron's times its epsilon (n,)."""
    factors = epsilon.repeat_interleave(per)
    return outgoing * factors.view(-1, *[1] * (outgoing.ndim - 2))


def check_pair(pair: Pair) -> None:
    """Raise ValueError if a draft cannot be made of a pair."""
    if pair.gates or is_swapped(pair.producer) or is_swapped(pair.consumer):
        rule = "needs linear layers or convolutions, and no gates"
        raise ValueError(f"firefly {rule}: {pair.name!r}")
