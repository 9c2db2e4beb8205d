"""Means and covariances of a pair's neurons on probe batches, read through hooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from espalier.surgery.pairing.pair_layers import tap_shares
from espalier.surgery.pairing.pairs import Pair


@dataclass
class Statistics:
    """Moments of the consumer's inputs, gathered batch by batch.

    `mean` (size * per,) and `scatter` (size * per, size * per), which is the sum over samples of
    the products of deviations from the mean. `shares` (taps,) says how often each tap of the
    consumer's kernel lies inside the map and not on its zero padding; for a linear layer it is 1.

    Source: Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm for computing
    sample variances": nothing is lost by cancellation.
    """

    pair: Pair
    count: int = 0
    mean: Tensor = field(default_factory=lambda: torch.zeros(()))
    scatter: Tensor = field(default_factory=lambda: torch.zeros(()))
    shares: Tensor = field(default_factory=lambda: torch.ones(1))

    @torch.no_grad()
    def add(self, x: Tensor) -> None:
        """Add the samples of an input of the consumer."""
        samples = at_least_single(self.pair.samples(x.detach()))
        fresh, total = len(samples), self.count + len(samples)
        mean = samples.mean(0)
        samples = samples - mean
        scatter = _gram(samples)
        if self.count == 0:
            self.mean, self.scatter = mean, scatter
            self.shares = at_least_single(tap_shares(self.pair.consumer, x))
        else:
            step = mean - self.mean
            self.mean = self.mean + step * (fresh / total)
            scatter.addr_(step, step, alpha=self.count * fresh / total)
            self.scatter = self.scatter + scatter
        self.count = total


def at_least_single(x: Tensor) -> Tensor:
    """Return numbers of half precision as float32, for which torch has linear algebra."""
    return x.float() if torch.finfo(x.dtype).bits < 32 else x


BLOCK = 128  # columns; on one core 27 % faster than the whole product at 2,048 x 512


def _gram(x: Tensor) -> Tensor:
    """Return x.T @ x, of which only the blocks on and below the diagonal are computed."""
    size = x.shape[1]
    if size < 2 * BLOCK or x.is_cuda:
        return x.T @ x
    product = x.new_empty(size, size)
    for start in range(0, size, BLOCK):
        end = start + BLOCK
        part = x[:, start:].T @ x[:, start:end]
        product[start:, start:end] = part
        product[start:end, end:] = part[BLOCK:].T
    return product


@contextmanager
def watching(statistics: Statistics) -> Iterator[None]:
    """Add whatever the consumer is given while this lasts; the hook goes with it."""

    def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        statistics.add(inputs[0])

    handle = statistics.pair.consumer.register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def gather(model: nn.Module, pairs: Sequence[Pair], batches: Iterable[Tensor]) -> list[Statistics]:
    """Return each pair's statistics over `batches` of inputs, in evaluation; nothing changes."""
    gathered = [Statistics(pair) for pair in pairs]
    with ExitStack() as stack, evaluating(model), torch.no_grad():
        for statistics in gathered:
            stack.enter_context(watching(statistics))
        stack.enter_context(_without_fused_layers())
        for x in batches:
            model(x)
    return gathered


@contextmanager
def _without_fused_layers() -> Iterator[None]:
    """Let `nn.TransformerEncoderLayer` call its layers, which in evaluation it may not."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


@torch.no_grad()
def evaluated_logits(model: nn.Module, x: Tensor) -> Tensor:
    """Return what a model puts out for `x` in evaluation mode; it stays as it is."""
    with evaluating(model):
        logits: Tensor = model(x)
    return logits


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Set evaluation mode, and restore each module's own mode at the end."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
