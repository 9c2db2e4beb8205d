"""Neurons that a layer could have: kept beside it, asked, and taught."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.surgery.pairs import Norm, Pair
from espalier.surgery.probe import evaluating

# What mixes places of one neuron's map, and what drops some: no matter for teaching.
_SPREADING = (
    *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.LPPool2d),
    *(nn.Flatten, nn.Dropout, nn.Dropout2d, nn.AlphaDropout),
)
Tensors = dict[str, Tensor]


@dataclass
class Shadows:
    """n neurons of `pair` that are not in it.

    `making` are the producer's parameters for them, `weight` (n, ...) and perhaps `bias` (n,);
    `norm` the normalisation's parameters and running statistics, each (n,).
    """

    pair: Pair
    making: Tensors
    norm: Tensors = field(default_factory=dict)

    @classmethod
    def of(cls, pair: Pair, neurons: Tensor) -> Shadows:
        """Copies of `neurons` (n,), of which some may be the same."""
        return cls(pair, _picked(pair.producer, neurons), _picked(pair.norm, neurons))

    def answer(self, given: Tensor, whole: bool = True) -> Tensor:
        """What the consumer would get from them for the producer's inputs, in evaluation.

        With `whole` False, pooling, flattening and dropout are left out.
        """
        with evaluating(nn.Sequential(*self._after())):
            return self._answer(given, whole)

    def install(self, slots: Tensor) -> None:
        """Write them into `slots` (n,) of the pair; the consumer does not read them yet."""
        for module, tensors in ((self.pair.producer, self.making), (self.pair.norm, self.norm)):
            for name, values in tensors.items():
                getattr(module, name).data.index_copy_(0, slots, values)

    @torch.no_grad()
    def settle(self, given: Tensor) -> None:
        """Let the running statistics be those of `given`; what they answer stays if it can.

        Scale and shift change along; a normalisation without them changes the answers.
        """
        norm = self.pair.norm
        if norm is None or "running_mean" not in self.norm:
            return
        made = self._made(given).movedim(1, 0).flatten(1)
        old_mean, old_var = self.norm["running_mean"], self.norm["running_var"]
        mean, var = made.mean(1), made.var(1)
        if "weight" in self.norm:
            slope = self.norm["weight"] * (old_var + norm.eps).rsqrt()
            self.norm["bias"] = self.norm["bias"] + slope * (mean - old_mean)
            self.norm["weight"] = slope * (var + norm.eps).sqrt()
        self.norm["running_mean"], self.norm["running_var"] = mean, var

    def teach(self, given: Tensor, wanted: Tensor, steps: int) -> None:
        """Move towards answering `wanted` (as `answer(given, False)`): `steps` of descent.

        Each neuron by itself takes Polyak's step, its error over the squared length of its
        gradient: the error could be 0. A step after which the error is not smaller is taken back,
        and the next is half as long.

        Source: Polyak 1987, "Introduction to Optimization", for the step.
        Differs: the least possible error, which he subtracts, is 0.
        """
        held = [(self.making, name) for name in self.making]
        held += [(self.norm, name) for name in self.norm if name == "bias"]
        best = [tensors[name] for tensors, name in held]
        error, slopes = torch.full_like(best[0].flatten(1)[:, 0], torch.inf), best
        length = torch.zeros_like(error)  # of the next step, by neuron
        with evaluating(nn.Sequential(*self._after())):
            for step in range(steps + 1):
                trial = [x - _wide(length, x) * s for x, s in zip(best, slopes, strict=True)]
                trial = best if step == 0 else trial
                found, fresh = self._error(held, trial, given, wanted)
                better = found < error
                best, slopes = _where(better, trial, best), _where(better, fresh, slopes)
                error = torch.where(better, found, error)
                steep = torch.cat([s.reshape(len(s), -1) for s in slopes], 1).square().sum(1)
                polyak = error / steep.clamp_min(TINY)
                length = torch.where(better, polyak, length / 2)
        for (tensors, name), values in zip(held, best, strict=True):
            tensors[name] = values

    def _error(
        self, held: list[tuple[Tensors, str]], trial: list[Tensor], given: Tensor, wanted: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Half the mean squared error of each neuron (n,), and its gradients."""
        with torch.enable_grad():
            leaves = [x.detach().requires_grad_() for x in trial]
            for (tensors, name), leaf in zip(held, leaves, strict=True):
                tensors[name] = leaf
            missed = self._answer(given, whole=False) - wanted
            found = missed.square().movedim(self._axis(), 0).flatten(1).mean(1) / 2
            slopes = torch.autograd.grad(found.sum(), leaves)
        return found.detach(), list(slopes)

    def _axis(self) -> int:
        """Where the neurons are in what the producer makes."""
        return 1 if isinstance(self.pair.producer, nn.Conv2d) else -1

    def _made(self, given: Tensor) -> Tensor:
        """Without the modules' hooks, which are for what the network itself does."""
        layer, weight, bias = self.pair.producer, self.making["weight"], self.making.get("bias")
        if isinstance(layer, nn.Linear):
            return F.linear(given, weight, bias)
        made: Tensor = layer._conv_forward(given, weight, bias)  # all kinds of padding
        return made

    def _answer(self, given: Tensor, whole: bool) -> Tensor:
        value = self._made(given)
        if self.pair.norm is not None:
            value = self._normed(self.pair.norm, value)
        for module in self.pair.between:
            if whole or not isinstance(module, _SPREADING):
                value = module.forward(value)
        return value

    def _normed(self, norm: Norm, made: Tensor) -> Tensor:
        mean, var = self.norm.get("running_mean"), self.norm.get("running_var")
        scale, shift = self.norm.get("weight"), self.norm.get("bias")
        return F.batch_norm(made, mean, var, scale, shift, mean is None, 0.0, norm.eps)

    def _after(self) -> list[nn.Module]:
        return [m for m in (self.pair.norm, *self.pair.between) if m is not None]


TINY = 1e-30


def _picked(module: nn.Module | None, neurons: Tensor) -> Tensors:
    """Rows of a module's parameters and statistics."""
    if module is None:
        return {}
    held = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {k: x.detach().index_select(0, neurons) for k, x in held.items() if x.ndim}


def _wide(values: Tensor, like: Tensor) -> Tensor:
    """(n,) as (n, 1, ...)."""
    return values.view(-1, *[1] * (like.ndim - 1))


def _where(chosen: Tensor, one: list[Tensor], other: list[Tensor]) -> list[Tensor]:
    return [torch.where(_wide(chosen, a), a, b).detach() for a, b in zip(one, other, strict=True)]
