"""What the neurons of a pair of layers do on a batch: seen for a moment, through hooks that go.

A neuron's *activation* is what the consumer receives from it: after normalisation, nonlinearity,
pooling and dropout. Its *pre-activation* is what the producer puts out. One *position* is a token
of a sequence or a pixel of a feature map; a linear layer on plain vectors has one a sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from espalier.surgery.pairs import Pair


@dataclass(frozen=True)
class Observation:
    """What a pair did in one forward and backward pass.

    `before` (samples, positions, neurons) are pre-activations. `after` and `slope` (samples,
    positions, neurons, per) are activations and the loss's gradient by them, where `per` is the
    number of the consumer's inputs that one neuron feeds; the loss is a mean over samples.
    """

    pair: Pair
    before: Tensor
    after: Tensor
    slope: Tensor


class _Seen:
    """What the hooks of one pair catch."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.before: Tensor | None = None
        self.after: Tensor | None = None

    def put_out(self, module: nn.Module, args: Any, output: Tensor) -> None:
        del module, args
        self.before = output

    def received(self, module: nn.Module, args: tuple[Tensor, ...]) -> None:
        del module
        self.after = args[0]


@contextmanager
def _hooked(pairs: Sequence[Pair]) -> Iterator[list[_Seen]]:
    seen = [_Seen(pair) for pair in pairs]
    handles = [one.pair.producer.register_forward_hook(one.put_out) for one in seen]
    handles += [one.pair.consumer.register_forward_pre_hook(one.received) for one in seen]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def observe(
    pairs: Sequence[Pair],
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    batch: tuple[Tensor, Tensor],
) -> list[Observation]:
    """What each of `pairs` does on a batch (x, y); `loss` maps outputs and y to a mean.

    Computed in evaluation mode; parameters' gradients and the model's mode are left as they were.
    Raises ValueError if a pair takes no part.
    """
    training = model.training
    model.eval()
    try:
        with _hooked(pairs) as seen, torch.enable_grad():
            total = loss(model(batch[0]), batch[1])
            inputs = [_caught(one) for one in seen]
            slopes = torch.autograd.grad(total, inputs)
    finally:
        model.train(training)
    return [
        _observation(one, after.detach(), slope)
        for one, after, slope in zip(seen, inputs, slopes, strict=True)
    ]


def _caught(seen: _Seen) -> Tensor:
    if seen.after is None or seen.before is None:
        raise ValueError(f"{seen.pair.name}: takes no part in the model's forward pass")
    return seen.after


def _observation(seen: _Seen, after: Tensor, slope: Tensor) -> Observation:
    assert seen.before is not None
    before = _by_position(seen.before.detach(), isinstance(seen.pair.producer, nn.Conv2d))
    planes = isinstance(seen.pair.consumer, nn.Conv2d)
    parts = [_by_position(tensor, planes) for tensor in (after, slope)]
    shaped = [part.unflatten(2, (seen.pair.size, seen.pair.per)) for part in parts]  # type: ignore[no-untyped-call]
    return Observation(seen.pair, before, shaped[0], shaped[1])


def _by_position(x: Tensor, planes: bool) -> Tensor:
    """(samples, channels, h, w) or (samples, ..., features) as (samples, positions, features)."""
    if planes:
        return x.flatten(2).transpose(1, 2)
    return x.reshape(len(x), -1, x.shape[-1])


def means(values: Iterable[Tensor]) -> Tensor:
    """The mean of equally shaped tensors."""
    return torch.stack(list(values)).mean(0)
