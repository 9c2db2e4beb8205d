"""Movement pruning: weights that move towards zero go.

Source: Sanh et al. 2020, Movement Pruning: Adaptive Sparsity by Fine-Tuning, arXiv 2005.07683.
Differs: pruned weights are 0 and not merely hidden, so their scores rest until they come back.
The displacement form is what the earlier AdamWPrune code called movement pruning.
"""

from __future__ import annotations

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
    def attach(self, run: Run[Pruner]) -> None:
        super().attach(run)
        weights = run.method_state.masks.weights
        start = torch.zeros_like if self.form == "sanh" else torch.clone
        run.method_state.memory = [start(w.detach()) for w in weights]

    @override
    @torch.no_grad()
    def after_backward(self, run: Run[Pruner]) -> None:
        """Sum the scores; gradients must be unscaled and not yet clipped."""
        super().after_backward(run)
        if self.form == "sanh":
            _accumulate(run.method_state.memory, run.method_state.masks.weights)

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


def _accumulate(scores: list[Tensor], weights: list[Tensor]) -> None:
    """Subtract w * gradient from the scores of weights that have a gradient.

    Infinite gradients, of steps that loss scaling will skip, count as 0: one would stay for ever.
    """
    rows = [(s, w.grad, w) for s, w in zip(scores, weights, strict=True) if w.grad is not None]
    if rows:
        sums, grads, values = (list(column) for column in zip(*rows, strict=True))
        products = torch._foreach_mul(grads, values)
        torch._foreach_sub_(sums, [x.nan_to_num_(0.0, 0.0, 0.0) for x in products])
