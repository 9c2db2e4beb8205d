"""Where the neurons of a producer are in each tensor that is made of its output."""

from __future__ import annotations

from math import prod
from typing import Any

import torch

from espalier.surgery.pairing.pair_layers import NORMS, by_output, is_layer, spatial_dims
from espalier.surgery.pairing.pair_steps import is_flattening, is_mean, is_pooling, sources
from espalier.surgery.pairing.tensor_graph import Node

Place = tuple[int, int]
"""The dimension of the neurons, and how many numbers each has along it."""


class NoPath(Exception):
    """Why a layer is no producer."""


def count_outputs(layer: Any) -> int:
    """Return how many neurons a layer has."""
    return by_output(layer).shape[0]


class NeuronPlaces:
    """Where the neurons are in each tensor: a dimension, and how many numbers each has there."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._at: dict[Node, Place] = {}

    def follow(self, node: Node) -> None:
        """Find the neurons in the result of `node`. Raises NoPath where they are unknown."""
        if is_layer(node.step):
            self._begin(node)
            return
        read = sources(node)
        shapes, places = {x.shape for x in read}, {self._at[x] for x in read}
        if len(shapes) > 1 or len(places) > 1:
            raise NoPath(f"{node.label} joins tensors of different shapes")
        (shape,), ((axis, per),) = shapes, places
        self._at[node] = self._after(node, shape, axis, per)

    def _begin(self, node: Node) -> None:
        layer: Any = node.step
        dims = spatial_dims(layer)
        if count_outputs(layer) != self.size:
            raise NoPath(f"it is joined with {count_outputs(layer)} outputs of another layer")
        if dims and len(node.shape) != dims + 2:
            raise NoPath("it is called without a batch dimension")
        self._at[node] = (1 if dims else len(node.shape) - 1), 1

    def _after(self, node: Node, shape: torch.Size, axis: int, per: int) -> Place:
        """Return the place in the result of a step on a tensor of `shape`."""
        norm: Any = node.step
        if isinstance(norm, NORMS) and (axis != 1 or per != 1 or norm.num_features != self.size):
            raise NoPath(f"{node.label} is not along its neurons")
        if is_pooling(node):
            return _after_pooling(node, shape, axis, per)
        if is_mean(node):
            return _after_mean(node, shape, axis, per)
        if is_flattening(node):
            return _after_flattening(node, shape, axis, per)
        if node.shape != shape:
            raise NoPath(f"{node.label} changes its shape")
        return axis, per

    def enter(self, last: Node, consumer: Node) -> int:
        """Return how many of the consumer's inputs a neuron feeds."""
        layer: Any = consumer.step
        (axis, per), dims = self._at[last], spatial_dims(layer)
        right = axis == 1 and len(last.shape) == dims + 2 if dims else axis == len(last.shape) - 1
        if not right or (dims and per > 1):
            raise NoPath(f"a {consumer.label} reads it along another dimension")
        if by_output(layer).shape[1] != self.size * per:
            raise NoPath(f"a {consumer.label} reads {by_output(layer).shape[1]} inputs of it")
        return per


def _after_pooling(node: Node, shape: torch.Size, axis: int, per: int) -> Place:
    new = node.shape
    if axis != 1 or len(shape) == 2 or len(new) != len(shape) or new[1] != shape[1]:
        raise NoPath(f"{node.label} is not along its neurons")
    return axis, per


def _after_mean(node: Node, shape: torch.Size, axis: int, per: int) -> Place:
    if axis == 1 and per == 1 and len(shape) > 2 and _means_maps(node, shape):
        return 1, 1
    raise NoPath(f"{node.label} mixes its neurons")


def _after_flattening(node: Node, shape: torch.Size, axis: int, per: int) -> Place:
    new = node.shape
    if new == shape:
        return axis, per
    if axis == 1 and new == (shape[0], prod(shape[1:])):
        return 1, per * prod(shape[2:])
    raise NoPath(f"{node.label} changes its shape from {tuple(shape)} to {tuple(new)}")


def _means_maps(node: Node, shape: torch.Size) -> bool:
    """Return whether a mean is over all places of a map, and over nothing else."""
    given = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    dims = given if isinstance(given, tuple) else (given,)
    return {d % len(shape) for d in dims if isinstance(d, int)} == set(range(2, len(shape)))
