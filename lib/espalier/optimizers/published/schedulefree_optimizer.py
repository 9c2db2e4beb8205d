"""Schedule-free AdamW: an average of the weights in place of a falling learning rate.

Gradients are taken at y, between the average x, which is what is evaluated, and z, where plain
steps lead: y = beta1 x + (1 - beta1) z. Parameters hold y in training and x in evaluation; z is
state, so x or y need no memory of their own.

Source: Defazio et al. 2024, The Road Less Scheduled, arXiv 2405.15682, algorithm 1, as in its
experiments: `AdamWScheduleFreePaper` of the authors' package schedulefree. The package's default
has since come to correct the second moment, and not the rate, for its begin at 0.
Differs: the learning rate may be scheduled all the same, and the average then weights each step by
its squared rate, as the algorithm does in the warm-up; the package takes the largest rate so far.
Biases and normalisation parameters do not decay. Running statistics of batch normalisation are of
the points where gradients are taken, and are evaluated with the average; the package's authors
measure them anew before each evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from espalier.optimizers.lean import Lean
from espalier.optimizers.published.stacked_schedulefree import (
    BASE,
    SQUARE,
    ScheduleFreeStack,
    StepFactors,
    advance,
)
from espalier.optimizers.stacked import stacked_by


@stacked_by(ScheduleFreeStack)
class ScheduleFreeOptimizer(Lean):
    """AdamW without momentum, averaged; `warmup` steps rise to the rate in a straight line.

    It is in training at first. `eval` makes the parameters the averages, `train` takes them back
    to where gradients are taken. `step` raises RuntimeError in evaluation.
    """

    def __init__(  # noqa: PLR0913  # as flat as torch's own optimizers
        self,
        params: Iterable[Any],
        lr: float,
        *,
        betas: tuple[float, float],
        eps: float,
        warmup: int,
        weight_decay: float = 0.0,
    ) -> None:
        counts = {"steps": 0, "weight_sum": 0.0, "training": True}
        own = {"lr": lr, "betas": betas, "eps": eps, "warmup": warmup}
        super().__init__(params, {**own, "weight_decay": weight_decay, **counts})
        self._factors: dict[int, StepFactors] = {}  # of the present step, by group

    @torch.no_grad()
    def train(self) -> None:
        """Make the parameters those to be trained, in place; nothing if they are."""
        self._switch(_points, training=True)

    @torch.no_grad()
    def eval(self) -> None:
        """Make the parameters those to be evaluated and saved, in place; nothing if they are."""
        self._switch(_average, training=False)

    def _switch(
        self, turn: Callable[[list[Tensor], list[Tensor], float], None], *, training: bool
    ) -> None:
        for group in self.param_groups:
            stepped = [p for p in group["params"] if BASE in self.state.get(p, {})]
            if group["training"] is not training and stepped:
                turn(stepped, [self.state[p][BASE] for p in stepped], group["betas"][0])
            group["training"] = training

    @torch.no_grad()
    def move_state(self, weight: Tensor, change: Tensor) -> None:
        """Add a `change` to where the plain steps lead; the average moves with both."""
        if (base := self.state.get(weight, {}).get(BASE)) is not None:
            base.add_(change)

    @override
    def before_update(self) -> None:
        """Count a step of every group. Raises RuntimeError in evaluation."""
        self.check_training()
        for group in self.param_groups:
            self._factors[id(group)] = advance(group, float(self.effective_lr(group["lr"])))

    def check_training(self) -> None:
        """Raise RuntimeError in evaluation."""
        if not all(group["training"] for group in self.param_groups):
            raise RuntimeError(
                f"{type(self).__name__}: its parameters are those to be evaluated: call train() "
                "before the forward pass of an update"
            )

    @override
    def _kernel(self, group: dict[str, Any], parameters: list[Tensor]) -> Callable[[], None]:
        for parameter in parameters:
            self.state[parameter].setdefault(BASE, parameter.detach().clone())
        bases = self.begin_state(parameters, BASE)
        squares = self.begin_state(parameters, SQUARE)
        gradients = [p.grad for p in parameters if p.grad is not None]

        def update() -> None:
            factor, beta2 = self._factors[id(group)], group["betas"][1]
            torch._foreach_mul_(squares, beta2)
            torch._foreach_addcmul_(squares, gradients, gradients, value=1 - beta2)
            sizes = torch._foreach_sqrt(squares)
            torch._foreach_add_(sizes, group["eps"])
            steps = torch._foreach_div(gradients, sizes)
            torch._foreach_add_(steps, parameters, alpha=group["weight_decay"])
            torch._foreach_lerp_(parameters, bases, factor.share)
            torch._foreach_add_(parameters, steps, alpha=factor.lead)
            torch._foreach_add_(bases, steps, alpha=-factor.rate)

        return update


def _average(weights: list[Tensor], bases: list[Tensor], beta1: float) -> None:
    """Turn the points of gradients into averages, in place; `bases` are the plain steps' points."""
    torch._foreach_lerp_(weights, bases, 1 - 1 / beta1)


def _points(weights: list[Tensor], bases: list[Tensor], beta1: float) -> None:
    """Turn averages into the points where gradients are taken, in place."""
    torch._foreach_lerp_(weights, bases, 1 - beta1)
