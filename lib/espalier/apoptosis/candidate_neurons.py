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
class CandidateNeurons:
    """n neurons of `pair` that are not in it.

    `making` are the producer's parameters for them, `weight` (n, ...) and perhaps `bias` (n,);
    `norm` the normalisation's parameters and running statistics, each (n,).
    """

    pair: Pair
    making: Tensors
    norm: Tensors = field(default_factory=dict)

    @classmethod
    def of(cls, pair: Pair, neurons: Tensor) -> CandidateNeurons:
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
        best = _read(held)
        error, slope = torch.full_like(best[:, 0], torch.inf), best
        length = torch.zeros_like(error)  # of the next step, by neuron
        with evaluating(nn.Sequential(*self._after())):
            for step in range(steps + 1):
                trial = best if step == 0 else torch.addcmul(best, length[:, None], slope, value=-1)
                found, fresh = self._error(_write(held, trial), given, wanted)
                better = found < error
                best = torch.where(better[:, None], trial, best)
                slope = torch.where(better[:, None], fresh, slope)
                error = torch.where(better, found, error)
                polyak = error / slope.square().sum(1).clamp_min(TINY)
                length = torch.where(better, polyak, length / 2)
        _write(held, best)

    def _error(self, leaves: list[Tensor], given: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Half the mean squared error of each neuron (n,), and its gradients (n, parameters)."""
        with torch.enable_grad():
            for leaf in leaves:
                leaf.requires_grad_()
            answer = self._answer(given, whole=False)
        missed = answer.detach() - wanted
        axis = self._axis() % missed.ndim
        places = missed.numel() // missed.shape[axis]
        found = missed.square().sum([d for d in range(missed.ndim) if d != axis]) / (2 * places)
        slopes = torch.autograd.grad(answer, leaves, missed.div_(places))
        for leaf in leaves:
            leaf.requires_grad_(False)
        return found, torch.cat([s.reshape(len(s), -1) for s in slopes], 1)

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


Held = list[tuple[Tensors, str]]


def _read(held: Held) -> Tensor:
    """The tensors, (n, ...) each, beside each other: (n, parameters)."""
    return torch.cat([tensors[name].reshape(len(tensors[name]), -1) for tensors, name in held], 1)


def _write(held: Held, flat: Tensor) -> list[Tensor]:
    """The inverse of `_read`; returns the tensors."""
    shapes = [tensors[name].shape for tensors, name in held]
    parts = torch.split(flat, [shape[1:].numel() for shape in shapes], 1)
    found = [
        part.contiguous().view(shape)  # else every product strides over the others
        for part, shape in zip(parts, shapes, strict=True)
    ]
    for (tensors, name), part in zip(held, found, strict=True):
        tensors[name] = part
    return found
