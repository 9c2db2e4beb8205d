"""SynFlow: connections go that carry least of a flow that no data has a part in, before training.

Source: Tanaka, Kunin, Yamins and Ganguli 2020, Pruning neural networks without any data by
iteratively conserving synaptic flow, arXiv 2006.05467, equation 2 and algorithm 1.
Differs: rounds begin at the sparsity that a network has, so that it can go on; scores are divided
by the largest of all, which no order sees, to stay within float32 where they are compared. The
paper's promise that no layer is emptied before it must be holds where layers follow one another
and activations are linear for inputs above 0; a branch beside a shortcut may still be emptied.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.measured_criterion import (
    MeasuredCriterion,
    gradients_of,
    measuring,
    samples_of,
)
from espalier.sparse.pruner import Pruner


@kconfig_dataclass
class SynFlow(MeasuredCriterion):
    """Score |w| dR/d|w|, with R the sum of outputs of the network of |parameters| for ones."""

    @override
    def saliencies(self, run: Run[Pruner]) -> list[Tensor]:
        x, _ = next(iter(samples_of(run).batches(1)))  # for its shape alone
        run.method_state.criterion_updates += 1 / len(x)
        run.count_passes(1, 1)
        with measuring(run, training=False) as model:
            scores = synaptic_flow(model, run.method_state.masks.weights, x[:1])
        largest = torch.stack([s.max() for s in scores]).max()
        if not torch.isfinite(largest):
            raise CannotTrain("flow_overflows", "the synaptic flow of this model is no number")
        return [s / largest.clamp_min(torch.finfo(s.dtype).tiny) for s in scores]


def synaptic_flow(model: nn.Module, weights: list[Tensor], like: Tensor) -> list[Tensor]:
    """Return the scores of `weights` in float64. Input is 1 everywhere, in the shape of `like`.

    Raises CannotTrain for a model that takes whole numbers, such as characters.
    """
    if not like.is_floating_point():
        raise CannotTrain(
            "no_flow", f"inputs are {like.dtype}: a network that looks them up has no synaptic flow"
        )
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    sizes = {name: _absolute(tensor) for name, tensor in named.items()}
    places = {id(tensor): name for name, tensor in named.items()}
    chosen = [sizes[places[id(weight)]] for weight in weights]
    for tensor in chosen:
        tensor.requires_grad_()
    outputs = functional_call(model, sizes, (torch.ones_like(like, dtype=torch.float64),))
    slopes = gradients_of(outputs.sum(), chosen)
    return [(w.detach() * g).abs() for w, g in zip(chosen, slopes, strict=True)]


def _absolute(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    return tensor.detach().double().abs()
