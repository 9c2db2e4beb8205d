"""Wanda: the smallest weights go, each times the size of what it is multiplied by.

Source: Sun et al. 2023, A Simple and Effective Pruning Approach for Large Language Models, arXiv
2306.11695, section 3, equation 1 and algorithm 1.
Differs: convolutions too, where the norm is over all values that a weight meets; batches of the
training data in place of a calibration set; where the share of each unit is no whole number the
units of a layer differ by one weight, so that the layer has its share exactly. Layers later in the
network see the inputs of the network that is not yet pruned; the public code feeds them those of
layers that are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.measured_criterion import DataCriterion, measuring
from espalier.sparse import processes
from espalier.sparse.matrix_layers import find_matrices
from espalier.sparse.pruner import Pruner


@kconfig_dataclass
class Wanda(DataCriterion):
    """Score |w| ||x||, with ||x|| the norm of the inputs of the weight over all samples."""

    has_backward: ClassVar[bool] = False

    @override
    def saliencies(self, run: Run[Pruner]) -> list[Tensor]:
        masks = run.method_state.masks
        squares = [torch.zeros_like(w, requires_grad=False) for w in masks.weights]
        with measuring(run, training=False) as model, torch.no_grad():
            layers = _layers_of(model, masks.weights, masks.names)
            with _watching(layers, _adding_to(masks.weights, squares)):
                for x, _ in self.passes(run):
                    model(x)
        processes.average(squares)
        return [w.detach().abs() * s.sqrt() for w, s in zip(masks.weights, squares, strict=True)]


Watch = Callable[[nn.Module, Tensor], None]


def input_squares(layer: nn.Module, x: Tensor) -> Tensor:
    """Return, in the shape of the layer's weight, the sum of squares of what each weight meets.

    The derivative by a weight of the sum of outputs is the sum of its inputs; so it is for squares.
    """
    weight = layer.get_parameter("weight")
    with torch.enable_grad():
        total = layer.forward(x.detach().square()).sum()
        return torch.autograd.grad(total, weight)[0]


def _adding_to(weights: Sequence[Tensor], squares: Sequence[Tensor]) -> Watch:
    places = {id(weight): place for place, weight in enumerate(weights)}

    def add(layer: nn.Module, x: Tensor) -> None:
        squares[places[id(layer.weight)]].add_(input_squares(layer, x))

    return add


def _layers_of(
    model: nn.Module, weights: Sequence[Tensor], names: Sequence[str]
) -> list[nn.Module]:
    """Return the layers with one matrix and one input that hold the weights.

    Raises CannotTrain for a weight of another kind of layer.
    """
    layers = [
        module
        for module in model.modules()
        if [m.name for m in find_matrices(module)] == ["weight"]
        and not isinstance(module, nn.Bilinear)
    ]
    held = {id(layer.weight) for layer in layers}
    for name, weight in zip(names, weights, strict=True):
        if id(weight) not in held:
            raise CannotTrain(
                "no_inputs",
                f"{name}: what this weight is multiplied by cannot be seen from outside of its "
                "layer, as Wanda has to; take another pruning method",
            )
    chosen = {id(weight) for weight in weights}
    return [layer for layer in layers if id(layer.weight) in chosen]


@contextmanager
def _watching(layers: Sequence[nn.Module], watch: Watch) -> Iterator[None]:
    """Call `watch` with each input of the layers while this lasts."""

    def hook(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        watch(layer, inputs[0])

    handles = [layer.register_forward_pre_hook(hook) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
