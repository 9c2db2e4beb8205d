"""What a network sees of an image: the size it is pooled to, and a first layer of that size.

A layer that reads a flattened image has a column for each pixel. For images of which `factor` x
`factor` pixels are averaged it needs one for each cell only. Pooling is done in front of the model,
which is given whole images all the time, after they have been standardised.

To finer images: W_fine[:, pixel] = W_coarse[:, cell of the pixel] / k^2, where k^2 pixels make a
cell, so that f_fine(x) = f_coarse(pool(x)). The optimizer's moments are copied as they are: the
mean of the gradients of a cell's pixels is the cell's gradient.

To coarser ones, before training: W_coarse[:, cell] is the sum over the cell's pixels, which has the
variance that a fresh layer of that size has.

Differs: StructureNet's scales had different widths, and nothing but the biases of the output passed
from one to the next.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.layers.masked_blocks import Blocks
from espalier.layers.masked_linear import MaskedLinear
from espalier.surgery import optimizer_state
from espalier.surgery.per_slice_restart import Restarts
from espalier.surgery.probe import evaluating

Reader: TypeAlias = nn.Linear | MaskedLinear
"""A layer with a column for each number of an image."""
Size = tuple[int, int, int]
"""Channels, height and width."""


def readers(model: nn.Module, x: Tensor) -> list[Reader] | None:
    """The layers that are given the flattened images `x` (n, channels, height, width).

    None if anything else reads them, or nothing does: the model cannot be made to see less.
    """
    flat, found, others = x.flatten(1), list[Reader](), list[nn.Module]()

    def look(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        given = inputs[0]
        if isinstance(module, (nn.Linear, MaskedLinear)) and _same(given, flat):
            found.append(module)
        elif not isinstance(module, nn.Flatten) and (_same(given, flat) or _same(given, x)):
            others.append(module)

    leaves = [module for module in model.modules() if not any(True for _ in module.children())]
    handles = [module.register_forward_pre_hook(look) for module in leaves]
    with evaluating(model), torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return None if others or not found else found


def _same(one: Any, other: Tensor) -> bool:
    return torch.is_tensor(one) and one.shape == other.shape and torch.equal(one, other)


def cells(size: Size, factor: int) -> Tensor:
    """(channels * height * width,) int64: of each number of an image, its cell's when pooled."""
    channels, height, width = (size[0], size[1] // factor, size[2] // factor)
    coarse = torch.arange(channels * height * width).view(channels, height, width)
    fine = coarse.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
    return fine.flatten()


class InputPyramid:
    """Lets a `model` see images of `size` pooled by `factor`, at first 1; resizes its `readers`.

    Random numbers come from `generator`. Call `after_step` after each update of the optimizer.
    """

    def __init__(
        self,
        model: nn.Module,
        readers: list[Reader],
        size: Size,
        optimizer: torch.optim.Optimizer | None,
        generator: torch.Generator,
    ) -> None:
        self.model, self.readers, self.size = model, readers, size
        self.optimizer, self.generator = optimizer, generator
        self.restarts = None if optimizer is None else Restarts(optimizer)
        self.factor = 1
        self.whole = [_live(reader) for reader in readers]  # edges that there are at full size
        self._hook = model.register_forward_pre_hook(self._pool)

    def _pool(self, _model: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        x = inputs[0]
        return (x if self.factor == 1 else F.avg_pool2d(x, self.factor), *inputs[1:])

    def close(self) -> None:
        """Let the model see whole images, with layers whose numbers mean nothing, and leave it."""
        self.resize(1)
        self._hook.remove()

    def seen(self, factor: int) -> Size:
        """The size of images pooled by `factor`."""
        return self.size[0], self.size[1] // factor, self.size[2] // factor

    def after_step(self) -> None:
        """The optimizer has done an update."""
        if self.restarts is not None:
            self.restarts.after_step()

    @torch.no_grad()
    def coarsen(self, factor: int) -> None:
        """See images pooled by `factor`, before training: each cell's weights are summed.

        A masked layer keeps a `factor`^2-th of its edges, rounded down, in the cells that had the
        most; their weights are sums times factor / root of what was summed.
        """
        to = cells(self.size, factor)
        for reader in self.readers:
            summed = reader.weight.new_zeros(len(reader.weight), int(to.max()) + 1)
            summed.index_add_(1, to.to(summed.device), reader.weight)
            mask = _kept(reader, to, factor, self.generator)
            counts = None if mask is None else _summed(reader, to)
            self._see(reader, _first_of(to), factor)
            if isinstance(reader, MaskedLinear) and mask is not None and counts is not None:
                summed *= mask * factor / counts.clamp_min(1).sqrt()
                reader.begin(mask)
            reader.weight.copy_(summed)
        self._turn(factor)

    @torch.no_grad()
    def refine(self, factor: int, shuffled: bool = False) -> None:
        """See images pooled by less, `factor`, a divisor of the present one: exact to rounding.

        Each edge becomes one for each of a cell's pixels. At full size a masked layer gets what it
        then lacks of its first number of edges at random, with weight 0. With `shuffled`, cells
        change places first, at random, and nothing of the function is left.
        """
        ratio = self.factor // factor
        source = cells(self.seen(factor), ratio)
        if shuffled:
            source = torch.randperm(int(source.max()) + 1, generator=self.generator)[source]
        for reader, whole in zip(self.readers, self.whole, strict=True):
            self._see(reader, source, factor)
            reader.weight.div_(ratio**2)
            if factor == 1 and isinstance(reader, MaskedLinear):
                self._complete(reader, whole)
        self._turn(factor)

    def _complete(self, reader: MaskedLinear, whole: int) -> None:
        missing = (~reader.mask).flatten().nonzero().flatten()
        order = torch.randperm(len(missing), generator=self.generator).to(missing.device)
        at = missing[order[: whole - reader.live]]
        places = torch.div(at, reader.inputs, rounding_mode="floor"), at % reader.inputs
        reader.add(places, 0)
        optimizer_state.reset_elements(self.optimizer, reader.weight, places)
        if self.restarts is not None:
            self.restarts.note_elements(reader.weight, places)

    def resize(self, factor: int) -> None:
        """See images pooled by `factor`, with layers of that size whose numbers mean nothing."""
        if factor == self.factor:
            return
        for reader in self.readers:
            there = torch.arange(reader.weight.shape[1])
            inputs = _inputs(self.seen(factor))
            self._see(reader, there.repeat(-(-inputs // len(there)))[:inputs], factor)
        self._turn(factor)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs besides the state of model, optimizer and generator."""
        restarts = None if self.restarts is None else self.restarts.state_dict()
        return {"factor": self.factor, "restarts": restarts}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """The inverse of `state_dict`; load the state of model and optimizer next."""
        self.resize(saved["factor"])
        if self.restarts is not None:
            self.restarts.load_state_dict(saved["restarts"])

    def _see(self, reader: Reader, source: Tensor, factor: int) -> None:
        """Give a layer the columns `source` of its own, and what goes with them."""
        source = source.to(reader.weight.device)
        assert isinstance(reader.weight, nn.Parameter)
        optimizer_state.rebuild(self.optimizer, reader.weight, 1, source)
        if self.restarts is not None:
            self.restarts.follow(reader.weight, 1, source)
        if isinstance(reader, MaskedLinear):
            reader.reindex(1, source)
        else:
            reader.in_features = _inputs(self.seen(factor))

    def _turn(self, factor: int) -> None:
        self.factor = factor
        if isinstance(self.model, Blocks):
            self.model.sizes[0] = _inputs(self.seen(factor))


def _inputs(size: Size) -> int:
    return size[0] * size[1] * size[2]


def _live(reader: Reader) -> int:
    return reader.live if isinstance(reader, MaskedLinear) else reader.weight.numel()


def _first_of(to: Tensor) -> Tensor:
    """Of each cell, its first pixel."""
    first = torch.full((int(to.max()) + 1,), len(to))
    return first.scatter_reduce_(0, to, torch.arange(len(to)), "amin")


def _summed(reader: MaskedLinear | Reader, to: Tensor) -> Tensor | None:
    """(outputs, cells): how many edges of each cell there are; None of a layer without a mask."""
    if not isinstance(reader, MaskedLinear):
        return None
    counts = reader.weight.new_zeros(reader.outputs, int(to.max()) + 1)
    return counts.index_add_(1, to.to(counts.device), reader.mask.to(counts))


def _kept(reader: Reader, to: Tensor, factor: int, generator: torch.Generator) -> Tensor | None:
    """(outputs, cells) bool: the edges of a masked layer when images are pooled."""
    counts = _summed(reader, to)
    if counts is None:
        return None
    ties = torch.rand(counts.shape, generator=generator).to(counts)
    most = (counts + ties).flatten().topk(_live(reader) // factor**2).indices
    return (
        torch.zeros_like(counts, dtype=torch.bool)
        .view(-1)
        .index_fill_(0, most, True)
        .view_as(counts)
    )
