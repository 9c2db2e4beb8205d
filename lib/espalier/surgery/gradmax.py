"""Birth of neurons whose in-weights get the largest gradient there is.

Source: Evci et al. 2022, "GradMax: Growing Neural Networks using Gradient Information",
arXiv:2201.05125: in-weights 0, out-weights the left singular vectors of the mean
product of the consumer's output gradient and the producer's input.
Differs: for convolutions and flattened maps the product is taken over both kernels. A neuron that
gives exactly 0 would stop at a ReLU, whose derivative at 0 torch takes as 0, so its bias is 1e-12.
Without a bias its in-weights are as faint: then the gradient arrives whole where no input is
negative, as behind another ReLU, and elsewhere from the samples whose inputs have a positive sum.
Before a batch normalisation, which would blow weights of 0 up, the scale of the normalisation is 0
instead and the in-weights are the right singular vectors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.surgery import birth
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pair_layers import spatial_dims
from espalier.surgery.pairing.pair_steps import spreads
from espalier.surgery.pairing.pairs import Pair
from espalier.surgery.probe import at_least_single, evaluating

FAINT = 1e-12  # above 0 for a ReLU, below rounding for the network


@dataclass
class CrossMoment:
    """The sum over a probe of the consumer's output gradients times the producer's inputs.

    `matrix` is (outputs * per * taps, fan_in). Pooling between the two is taken at a constant map,
    so a maximum passes its gradient to one place of its window.
    """

    pair: Pair
    matrix: Tensor = field(default_factory=lambda: torch.zeros(()))

    @torch.no_grad()
    def add(self, x: Tensor, made: torch.Size, gradient: Tensor) -> None:
        """Add a batch: the producer's input, its output's shape, the consumer's gradient."""
        if self.pair.map_dims[0]:
            back = _pulled_back(self.pair, gradient, made)  # (n, outputs * per * taps, places)
            patches = _unfolded(self.pair.producer, x)  # (n, fan_in, places)
            product = _rows(back) @ _rows(patches).T
        else:
            product = gradient.flatten(0, -2).T @ x.flatten(0, -2)
        product = at_least_single(product)
        self.matrix = self.matrix.to(product) + product

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Add each forward pass of the pair that a backward pass follows, while this lasts."""
        seen: list[tuple[Tensor, torch.Size]] = []

        def enter(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            seen.append((inputs[0].detach(), output.shape))

        def leave(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            x, made = seen.pop()
            output.register_hook(lambda gradient: self.add(x, made, gradient))  # type: ignore

        handles = [
            self.pair.producer.register_forward_hook(enter),
            self.pair.consumer.register_forward_hook(leave),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


@torch.no_grad()
def gradmax(
    site: EditContext,
    slots: Tensor,
    cross_moment: CrossMoment,
    generator: torch.Generator,
    scale: float = 1.0,
) -> None:
    """Create neurons along the top singular vectors, out-weights `scale` times the usual length.

    More slots than there are directions: the rest are fresh (see `birth.fresh`). Raises ValueError
    if an activation is not 0 at 0, or the normalisation has no scale to begin at 0.
    """
    pair = site.pair
    check_pair(pair)
    left, right = _directions(cross_moment.matrix, len(slots))  # (k, outputs * ...), (k, fan_in)
    first, rest = slots[: len(left)], slots[len(left) :]
    length = scale * birth.mean_outgoing_length(pair, slots)
    birth.place(site, first, _in_weights(pair, right))
    _open_faintly(pair, first)
    weight = pair.out_weight
    columns = left.reshape(len(left), weight.shape[0], -1).transpose(0, 1)
    columns = columns.reshape(weight.shape[0], -1, *weight.shape[2:])
    weight.index_copy_(1, pair.columns(first), (length * columns).to(weight.dtype))
    site.reset_state(first)
    if len(rest):
        birth.fresh(site, rest, generator)


def _in_weights(pair: Pair, right: Tensor) -> Tensor:
    """Return in-weights (k, fan_in) that block no gradient, whichever sign `right` has.

    Rows along `right`, however faint, would fall below the bias for some samples and be blocked.
    """
    if pair.norm is not None:
        rows: Tensor = pair.incoming().norm(dim=1).mean() * right
        return rows
    if pair.producer.bias is not None:
        return torch.zeros_like(right)
    return torch.full_like(right, _faint(right) / right.shape[1])


def _directions(matrix: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """Return up to `limit` left and right singular vectors as rows, strongest first."""
    wide = matrix.shape[0] > matrix.shape[1]
    gram = (matrix.T @ matrix if wide else matrix @ matrix.T).double()
    values, vectors = _eigenvectors(gram)  # ascending; a third of the time of an SVD
    count = min(limit, int((values > values[-1] * len(values) * 1e-9).sum()))
    own = vectors[:, -count:].flip(1).T.to(matrix) if count else matrix.new_zeros(0, len(values))
    other = F.normalize(own @ (matrix.T if wide else matrix), dim=1)
    return (other, own) if wide else (own, other)


def _eigenvectors(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues, ascending, and eigenvectors as columns; of 0 there may be fewer.

    LAPACK may fail where most rows are 0, as of taps that lie on padding always.
    """
    try:
        values, vectors = torch.linalg.eigh(gram)
        return values, vectors
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        live = (gram.diagonal() > 0).nonzero().flatten()
        values, inner = torch.linalg.eigh(gram[live][:, live])
        return values, gram.new_zeros(len(gram), len(live)).index_copy_(0, live, inner)


def check_pair(pair: Pair) -> None:
    """Raise ValueError if neurons of `pair` cannot be born so; see `gradmax`."""
    if pair.gates:
        raise ValueError(f"gradmax needs one layer that makes neurons: {pair.name!r} has gates")
    for layer in (pair.producer, pair.consumer):
        if spatial_dims(layer) and not isinstance(layer, nn.Conv2d):
            kind = type(layer).__name__
            raise ValueError(f"gradmax needs linear layers or Conv2d: at {pair.name!r} is a {kind}")
    zero = pair.producer.weight.new_zeros(1, 1)
    for module in pair.between:
        if not spreads(module) and float(module(zero).abs()) > 0:
            raise ValueError(f"gradmax needs activations that are 0 at 0: {module} is not")
    if pair.norm is not None and pair.norm.weight is None:
        raise ValueError(f"gradmax needs a scale to begin at 0: {pair.norm} has none")


def _open_faintly(pair: Pair, slots: Tensor) -> None:
    """Let gradients through a ReLU."""
    if pair.norm is not None:
        pair.norm.weight.index_fill_(0, slots, 0.0)
        pair.norm.bias.index_fill_(0, slots, _faint(pair.norm.bias))
    elif pair.producer.bias is not None:
        pair.producer.bias.index_fill_(0, slots, _faint(pair.producer.bias))


def _faint(like: Tensor) -> float:
    """Return `FAINT`, or more where a number format has no number as small."""
    return max(FAINT, torch.finfo(like.dtype).tiny)


def _rows(x: Tensor) -> Tensor:
    """Reshape (n, k, places) to (k, n * places)."""
    return x.transpose(0, 1).flatten(1)


def _unfolded(layer: Any, x: Tensor) -> Tensor:
    """Return the patches that a convolution sees, (n, fan_in, places)."""
    x = F.pad(x, _edges(layer))
    return F.unfold(x, layer.kernel_size, layer.dilation, 0, layer.stride)


def _edges(layer: Any) -> tuple[int, int, int, int]:
    """Return the padding of a convolution: left, right, top, bottom."""
    if layer.padding == "valid":
        return 0, 0, 0, 0
    if not isinstance(layer.padding, str):
        top, left = layer.padding
        return left, left, top, top
    high, wide = (d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True))
    return wide // 2, wide - wide // 2, high // 2, high - high // 2


def _pulled_back(pair: Pair, gradient: Tensor, made: torch.Size) -> Tensor:
    """Return (n, outputs * per * taps, places): what an out-weight of 1 sends to each place."""
    samples, outputs = gradient.shape[:2]
    taps = pair.per * math.prod(pair.out_weight.shape[2:])
    flat = [module for module in pair.between if not isinstance(module, nn.Flatten)]
    chain = nn.Sequential(*flat)
    with torch.enable_grad(), evaluating(chain):
        z = gradient.new_full((samples, outputs * taps, *made[2:]), FAINT, requires_grad=True)
        value = chain(z * 1)  # not z itself: a module may work in place
    sent = _at_consumer(pair, gradient, value.shape)
    (slopes,) = torch.autograd.grad(value, z, sent)
    return slopes.flatten(2)


def _at_consumer(pair: Pair, gradient: Tensor, shape: torch.Size) -> Tensor:
    """Return the same at the consumer: `shape` is (n, outputs * per * taps, height, width)."""
    layer = pair.consumer
    if not isinstance(layer, nn.Conv2d):
        places = torch.eye(pair.per, dtype=gradient.dtype, device=gradient.device)
        return torch.einsum("no,pq->nopq", gradient, places).reshape(shape)
    outputs, taps = gradient.shape[1], math.prod(layer.kernel_size)
    single = torch.eye(taps, dtype=gradient.dtype, device=gradient.device)
    single = single.view(1, taps, *layer.kernel_size).repeat(outputs, 1, 1, 1)
    whole = F.conv_transpose2d(gradient, single, None, layer.stride, 0, 0, outputs, layer.dilation)
    left, _, top, _ = _edges(layer)
    high, wide = shape[2] - whole.shape[2] + top, shape[3] - whole.shape[3] + left
    return F.pad(whole, (-left, wide, -top, high))
