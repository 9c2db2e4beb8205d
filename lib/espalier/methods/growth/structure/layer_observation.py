"""What the units of an ordinary model do on samples, read through hooks at its layers.

The inputs of a layer are seen where it reads them, behind whatever activation or normalisation
there is: a *feeding* unit fires where its value is above 0. Of its outputs only the loss's gradient
is seen: a unit *fires* in a sample if the loss depends on it there. That of a rectified unit is
exactly 0 where it is off, whatever normalisation lies between.

A channel of a convolution, or a feature of a sequence, has many places: its values are means over
them and its gradients sums.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from espalier.layers.masked_blocks import Pair
from espalier.methods.growth.structure.edge_network import (
    Batch,
    LossOf,
    Observation,
    Seen,
    by_unit,
)
from espalier.methods.growth.structure.layer_network import LayerBlock, LayerNetwork
from espalier.surgery.pairing.pair_layers import by_position

CHUNK = 128
"""Samples of one forward pass: the values of all layers are in memory."""


class _LayerView:
    """What is gathered of one layer."""

    def __init__(self, block: LayerBlock) -> None:
        self.block = block
        self.values: list[Tensor] = []  # (n, inputs), means over places
        self.gradients: list[Tensor] = []  # (n, outputs), sums over places
        self.responses: list[Tensor] = []  # (n, outputs), 1 where the loss depends on a unit
        self.firing = self.magnitude = torch.zeros(())  # sums over samples and places
        self.places = 0  # that these are sums over
        self.edges = torch.zeros(())  # the sum of the losses' gradients
        self.reads_data = self.is_last = False
        self._outputs: list[Tensor] = []  # of the present chunk, one for each call

    def hook(self, _module: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
        """Gather the inputs of a call, and keep its output; return a copy that may be changed."""
        if not inputs:
            return None  # given by name
        x = by_position(inputs[0].detach(), self.block.is_map)
        x = x.reshape(len(x), -1, self.block.layout.inputs)  # groups are further places
        self.reads_data = not inputs[0].requires_grad
        self.values.append(x.mean(1))
        self.firing = self.firing + (x > 0).sum((0, 1), dtype=torch.float64)
        self.magnitude = self.magnitude + x.abs().sum((0, 1), dtype=torch.float64)
        self.places += x.shape[0] * x.shape[1]
        self._outputs.append(output)
        return output.clone()

    def take_outputs(self) -> list[Tensor]:
        """Return the outputs of the calls of the present chunk."""
        taken, self._outputs = self._outputs, []
        return taken

    def add_gradient(self, gradient: Tensor) -> None:
        """Gather dloss/dz of a call."""
        by_place = by_position(gradient, self.block.is_map)
        self.gradients.append(by_place.sum(1))
        self.responses.append((by_place != 0).any(1))

    def mean_edges(self, samples: int) -> Tensor:
        """Return the mean |dloss/dw| from unit to unit, (outputs, inputs)."""
        matrix = self.block.layout.matrix(self.edges / samples).abs()
        return by_unit(matrix, self.block.layout.inputs).mean(2)


def observe(net: LayerNetwork, batch: Batch, loss_of: LossOf) -> Observation:
    """Observe the units of a model on a batch; the caller sets its mode and allows gradients.

    A layer that several calls share is observed in all of them.
    """
    x, y = batch
    views = {pair: _LayerView(block) for pair, block in net.each()}
    with ExitStack() as stack:
        for view in views.values():
            if view.block.is_called:
                stack.callback(view.block.module.register_forward_hook(view.hook).remove)
        for part in zip(torch.split(x, CHUNK), torch.split(y, CHUNK), strict=True):
            _add_chunk(net, views, part, loss_of)
    return _complete(net, views, len(x))


def _add_chunk(
    net: LayerNetwork, views: dict[Pair, _LayerView], part: Batch, loss_of: LossOf
) -> None:
    logits = net.model(part[0])
    outputs = [(view, out) for view in views.values() for out in view.take_outputs()]
    weights = [view.block.parameter for view in views.values()]
    inputs = [*weights, *(out for _, out in outputs)]
    losses = loss_of(logits, part[1]) * len(part[0])  # the sum over samples
    gradients = torch.autograd.grad(losses, inputs, allow_unused=True, materialize_grads=True)
    for view, gradient in zip(views.values(), gradients[: len(weights)], strict=True):
        view.edges = view.edges + gradient
    for (view, out), gradient in zip(outputs, gradients[len(weights) :], strict=True):
        view.add_gradient(gradient)
        view.is_last = out.shape == logits.shape and torch.equal(out, logits)


def _complete(net: LayerNetwork, views: dict[Pair, _LayerView], samples: int) -> Observation:
    values, gradients, seen = list[Tensor](), list[Tensor](), dict[int, Seen]()
    for (i, j), view in views.items():
        empty = view.edges.new_zeros(0)
        inputs, outputs, responses = (
            torch.cat(parts) if parts else empty
            for parts in (view.values, view.gradients, view.responses)
        )
        values += [inputs, empty]
        gradients += [outputs, empty]
        if view.values and not view.reads_data:
            seen[i] = Seen(view.firing / view.places, view.magnitude / view.places, feeds=True)
        if view.values and not view.is_last:
            share = responses.double().mean(0)
            seen[j] = Seen(share, share, feeds=False)
    edges = {pair: view.mean_edges(samples) for pair, view in views.items()}
    return Observation(values, gradients, seen, edges)
