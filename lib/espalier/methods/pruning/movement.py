"""Movement pruning: weights that move towards zero go.

Source: Sanh et al. 2020, Movement Pruning: Adaptive Sparsity by Fine-Tuning, arXiv 2005.07683.
Differs: pruned weights are 0 and not merely hidden, so their scores rest until they come back.
The displacement form is what the earlier AdamWPrune code called movement pruning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run, StateDict
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.pruning_method import PruningMethod
from espalier.sparse.pruner import Pruner
from espalier.sparse.scores import Scores


@kconfig_dataclass
class Movement(PruningMethod):
    """`run.method_state.memory` holds a tensor a weight: the summed score, or the initial weight.

    Memory: one value a weight.
    """

    form: Literal["sanh", "displacement"]

    @override
    def first_memory(self, run: Run[Pruner]) -> list[Tensor]:
        start = torch.zeros_like if self.form == "sanh" else torch.clone
        return [start(w.detach()) for w in run.method_state.masks.weights]

    @override
    @torch.no_grad()
    def after_backward(self, run: Run[Pruner]) -> None:
        """Sum the scores; gradients must be unscaled and not yet clipped."""
        super().after_backward(run)
        if self.form == "sanh":
            self.take_gradients(run, _products(run.method_state.masks.weights))

    def reads_at(self, run: Run[Pruner], step: int) -> bool:
        """Return whether scores still matter after update `step`."""
        return self.form == "sanh" and step <= run.method_state.schedule.ramp_end

    def acts_at(self, run: Run[Pruner], step: int) -> bool:
        """Return whether masks change after update `step`."""
        return run.method_state.schedule.is_update(step)

    def from_gradient(self, weight: Tensor, gradient: Tensor) -> Tensor:
        """Return w * gradient."""
        return gradient * weight

    @torch.no_grad()
    def take_gradients(self, run: Run[Pruner], sums: Sequence[Tensor | None]) -> None:
        """Subtract w * gradient from the scores of weights that have a gradient.

        Infinite ones, of steps that loss scaling will skip, count as 0: one would stay for ever.
        """
        rows = [
            (score, x)
            for score, x in zip(run.method_state.memory, sums, strict=True)
            if x is not None
        ]
        if rows:
            scores, products = (list(column) for column in zip(*rows, strict=True))
            torch._foreach_sub_(scores, [x.nan_to_num_(0.0, 0.0, 0.0) for x in products])

    def from_data(self, run: Run[Pruner]) -> list[Tensor]:
        """Return the scores."""
        return run.method_state.memory if self.form == "sanh" else []

    @override
    def scores(self, run: Run[Pruner]) -> Scores:
        memory = run.method_state.memory
        if self.form == "sanh":
            return Scores(_copy, [(s,) for s in memory])
        pairs = zip(run.method_state.masks.weights, memory, strict=True)
        return Scores(displacement, list(pairs))

    @override
    def state_dict(self, run: Run[Pruner]) -> StateDict:
        memory = [x.clone() for x in run.method_state.memory]
        return {**super().state_dict(run), "memory": memory}

    @override
    def load_state_dict(self, run: Run[Pruner], state: StateDict) -> None:
        super().load_state_dict(run, {k: v for k, v in state.items() if k != "memory"})
        torch._foreach_copy_(run.method_state.memory, state["memory"])


def _copy(scores: Tensor, out: Tensor) -> Tensor:
    return out.copy_(scores)


def displacement(weight: Tensor, initial: Tensor, out: Tensor) -> Tensor:
    """Write w * (w - w0) into `out`."""
    return torch.sub(weight, initial, out=out).mul_(weight)


def _products(weights: list[Tensor]) -> list[Tensor | None]:
    """Return w * gradient of each weight, None where it has no gradient."""
    rows = [(w.grad, w.detach()) for w in weights if w.grad is not None]
    if not rows:
        return [None] * len(weights)
    grads, values = (list(column) for column in zip(*rows, strict=True))
    products = iter(torch._foreach_mul(grads, values))
    return [None if w.grad is None else next(products) for w in weights]
