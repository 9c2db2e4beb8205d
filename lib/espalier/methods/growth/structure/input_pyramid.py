"""Pooling of a network's images, and resizing of its first layer to the pooled size.

A layer that reads a flattened image has a column for each pixel. For images of which `factor` x
`factor` pixels are averaged it needs one for each cell only. A hook in front of the model pools the
standardised images; callers hand in whole images all the time.

To finer images: W_fine[:, pixel] = W_coarse[:, cell of the pixel] / k^2, where k^2 pixels make a
cell, so that f_fine(x) = f_coarse(pool(x)). The optimizer's moments are copied as they are: the
mean of the gradients of a cell's pixels is the cell's gradient.

To coarser ones, before training: W_coarse[:, cell] is the sum over the cell's pixels, which has the
variance that a fresh layer of that size has.

Differs: StructureNet's scales had different widths, and nothing but the biases of the output passed
from one to the next.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.layers.masked_blocks import Blocks
from espalier.layers.masked_linear import MaskedLinear
from espalier.surgery import optimizer_state
from espalier.surgery.restarts.per_slice_restart import restart_of
from espalier.train.input_layers import InputLayer

Size = tuple[int, int, int]
"""Channels, height and width."""


def cells(size: Size, factor: int) -> Tensor:
    """Return the cell of each number of a pooled image: (channels * height * width,) int64."""
    channels, height, width = (size[0], size[1] // factor, size[2] // factor)
    coarse = torch.arange(channels * height * width).view(channels, height, width)
    fine = coarse.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
    return fine.flatten()


class InputPyramid:
    """A hook that pools the images of a `model` by `factor`, at first 1, and resizes its `layers`.

    Random numbers come from `generator`. Call `after_step` after each update of the optimizer.
    """

    def __init__(
        self,
        model: nn.Module,
        layers: list[InputLayer],
        size: Size,
        optimizer: torch.optim.Optimizer | None,
        generator: torch.Generator,
    ) -> None:
        self.model, self.layers, self.size = model, layers, size
        self.optimizer, self.generator = optimizer, generator
        self.restarts = None if optimizer is None else restart_of(optimizer)
        self.factor = 1
        self.whole = [_live(layer) for layer in layers]  # edges that there are at full size
        self._hook = model.register_forward_pre_hook(self._pool)

    def _pool(self, _model: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        x = inputs[0]
        return (x if self.factor == 1 else F.avg_pool2d(x, self.factor), *inputs[1:])

    def close(self) -> None:
        """Remove the hook, and resize the layers, whose numbers then mean nothing."""
        self.resize(1)
        self._hook.remove()

    def pooled_size(self, factor: int) -> Size:
        """Return the size of images pooled by `factor`."""
        return self.size[0], self.size[1] // factor, self.size[2] // factor

    def after_step(self) -> None:
        """Correct newborn weights; the optimizer has done an update."""
        if self.restarts is not None:
            self.restarts.after_step()

    @torch.no_grad()
    def coarsen(self, factor: int) -> None:
        """Pool images by `factor`, before training: each cell's weights are summed.

        A masked layer keeps a `factor`^2-th of its edges, rounded down, in the cells that had the
        most; their weights are sums times factor / root of the number of terms.
        """
        to = cells(self.size, factor)
        for layer in self.layers:
            summed = layer.weight.new_zeros(len(layer.weight), int(to.max()) + 1)
            summed.index_add_(1, to.to(summed.device), layer.weight)
            if isinstance(layer, MaskedLinear):
                counts = _count_edges(layer, to)
                mask = _select_cells(counts, layer.live // factor**2, self.generator)
                self._take_columns(layer, _first_pixels(to), factor)
                summed *= mask * factor / counts.clamp_min(1).sqrt()
                layer.begin(mask)
            else:
                self._take_columns(layer, _first_pixels(to), factor)
            layer.weight.copy_(summed)
        self._set_factor(factor)

    @torch.no_grad()
    def refine(self, factor: int, shuffled: bool = False) -> None:
        """Pool images by a smaller `factor`, a divisor of the present one: exact to rounding.

        Each edge becomes one for each of a cell's pixels. At full size a masked layer is filled up
        to its first number of edges, at random, with weight 0. With `shuffled`, cells are permuted
        first, and nothing of the function is left.
        """
        ratio = self.factor // factor
        source = cells(self.pooled_size(factor), ratio)
        if shuffled:
            source = torch.randperm(int(source.max()) + 1, generator=self.generator)[source]
        for layer, whole in zip(self.layers, self.whole, strict=True):
            self._take_columns(layer, source, factor)
            layer.weight.div_(ratio**2)
            if factor == 1 and isinstance(layer, MaskedLinear):
                self._complete(layer, whole)
        self._set_factor(factor)

    def _complete(self, layer: MaskedLinear, whole: int) -> None:
        missing = (~layer.mask).flatten().nonzero().flatten()
        order = torch.randperm(len(missing), generator=self.generator).to(missing.device)
        at = missing[order[: whole - layer.live]]
        places = torch.div(at, layer.inputs, rounding_mode="floor"), at % layer.inputs
        layer.add(places, 0)
        optimizer_state.reset_elements(self.optimizer, layer.weight, places)
        if self.restarts is not None:
            self.restarts.note_elements(layer.weight, places)

    def resize(self, factor: int) -> None:
        """Pool images by `factor`, with layers of that size whose numbers mean nothing."""
        if factor == self.factor:
            return
        for layer in self.layers:
            columns = torch.arange(layer.weight.shape[1])
            inputs = math.prod(self.pooled_size(factor))
            self._take_columns(layer, columns.repeat(-(-inputs // len(columns)))[:inputs], factor)
        self._set_factor(factor)

    def state_dict(self) -> dict[str, Any]:
        """Return plain data for `load_state_dict`, without model, optimizer and generator."""
        restarts = None if self.restarts is None else self.restarts.state_dict()
        return {"factor": self.factor, "restarts": restarts}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; load the state of model and optimizer next."""
        self.resize(saved["factor"])
        if self.restarts is not None:
            self.restarts.load_state_dict(saved["restarts"])

    def _take_columns(self, layer: InputLayer, source: Tensor, factor: int) -> None:
        """Replace a layer's columns by its columns `source`, their optimizer state with them."""
        source = source.to(layer.weight.device)
        assert isinstance(layer.weight, nn.Parameter)
        optimizer_state.rebuild(self.optimizer, layer.weight, 1, source)
        if self.restarts is not None:
            self.restarts.follow(layer.weight, 1, source)
        if isinstance(layer, MaskedLinear):
            layer.reindex(1, source)
        else:
            layer.in_features = math.prod(self.pooled_size(factor))

    def _set_factor(self, factor: int) -> None:
        self.factor = factor
        if isinstance(self.model, Blocks):
            self.model.sizes[0] = math.prod(self.pooled_size(factor))


def _live(layer: InputLayer) -> int:
    return layer.live if isinstance(layer, MaskedLinear) else layer.weight.numel()


def _first_pixels(to: Tensor) -> Tensor:
    """Return the first pixel of each cell."""
    first = torch.full((int(to.max()) + 1,), len(to))
    return first.scatter_reduce_(0, to, torch.arange(len(to)), "amin")


def _count_edges(layer: MaskedLinear, to: Tensor) -> Tensor:
    """Return the number of live edges to each cell: (outputs, cells)."""
    counts = layer.weight.new_zeros(layer.outputs, int(to.max()) + 1)
    return counts.index_add_(1, to.to(counts.device), layer.mask.to(counts))


def _select_cells(counts: Tensor, edges: int, generator: torch.Generator) -> Tensor:
    """Return the `edges` cells with the highest `counts`, ties at random: (outputs, cells) bool."""
    ties = torch.rand(counts.shape, generator=generator).to(counts)
    mask = torch.zeros_like(counts, dtype=torch.bool)
    mask.view(-1)[(counts + ties).flatten().topk(edges).indices] = True
    return mask
