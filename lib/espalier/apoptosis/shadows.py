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
            return self._onward(self._made(given), whole, self.norm.get("bias"))

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
        axis = 1 if isinstance(self.pair.producer, nn.Conv2d) else -1
        wanted = wanted.movedim(axis, -1).flatten(0, -2)
        lesson, best = self._patches(given), self._read()
        with evaluating(nn.Sequential(*self._after())):
            error, slope = self._error(best, lesson, wanted)
            length = _polyak(error, slope)  # of the next step, by neuron
            for _ in range(steps):
                trial = torch.addcmul(best, length.unsqueeze(1), slope, value=-1)
                found, fresh = self._error(trial, lesson, wanted)
                better = found < error
                error, of_each = torch.where(better, found, error), better.unsqueeze(1)
                best, slope = torch.where(of_each, trial, best), torch.where(of_each, fresh, slope)
                length = torch.where(better, _polyak(found, fresh), length / 2)
        self._write(best)

    def _patches(self, given: Tensor) -> Tensor:
        """(positions, fan_in), or one more, of 1, for a bias: what the producer multiplies."""
        layer = self.pair.producer
        if isinstance(layer, nn.Conv2d):
            mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
            given = F.pad(given, layer._reversed_padding_repeated_twice, mode)
            given = F.unfold(given, layer.kernel_size, layer.dilation, 0, layer.stride)
            given = given.movedim(1, -1)
        return F.pad(given.flatten(0, -2), (0, int("bias" in self.making)), value=1.0)

    def _error(self, taught: Tensor, lesson: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Each neuron's squared error (n,), summed, and the gradient of half of it, as `taught`.

        Differentiated by hand as far as the producer is concerned, which takes half the time.
        """
        inputs = lesson.shape[1]
        leaves = [lesson @ taught[:, :inputs].T, *taught[:, inputs:].unbind(1)]
        with torch.enable_grad():
            for leaf in leaves:
                leaf.requires_grad_()
            made = leaves[0].clone() if self._in_place() else leaves[0]
            answer = self._onward(made, False, *leaves[1:])
        missed = answer.detach() - wanted
        slopes = torch.autograd.grad(answer, leaves, missed)
        found = missed.square().sum(0)
        return found, torch.cat([slopes[0].T @ lesson, *(x.unsqueeze(1) for x in slopes[1:])], 1)

    def _in_place(self) -> bool:
        return any(getattr(module, "inplace", False) for module in self.pair.between)

    def _taught(self) -> list[tuple[Tensors, str]]:
        """Where that which is taught is kept: weights, perhaps a bias, and the norm's."""
        return [
            *((self.making, name) for name in self.making),
            *((self.norm, name) for name in self.norm if name == "bias"),
        ]

    def _read(self) -> Tensor:
        """What is taught (n, parameters), side by side."""
        tensors = [held[name] for held, name in self._taught()]
        return torch.cat([x.reshape(len(x), -1) for x in tensors], 1)

    def _write(self, taught: Tensor) -> None:
        """The inverse of `_read`."""
        places = self._taught()
        shapes = [held[name].shape for held, name in places]
        parts = torch.split(taught, [shape[1:].numel() for shape in shapes], 1)
        for (held, name), shape, part in zip(places, shapes, parts, strict=True):
            held[name] = part.reshape(shape).contiguous()

    def _made(self, given: Tensor) -> Tensor:
        """Without the modules' hooks, which are for what the network itself does."""
        layer, weight, bias = self.pair.producer, self.making["weight"], self.making.get("bias")
        if isinstance(layer, nn.Linear):
            return F.linear(given, weight, bias)
        made: Tensor = layer._conv_forward(given, weight, bias)  # all kinds of padding
        return made

    def _onward(self, made: Tensor, whole: bool, shift: Tensor | None = None) -> Tensor:
        """What becomes of what the producer puts out; `shift` is the normalisation's bias."""
        value = made if self.pair.norm is None else self._normed(self.pair.norm, made, shift)
        for module in self.pair.between:
            if whole or not isinstance(module, _SPREADING):
                value = module.forward(value)
        return value

    def _normed(self, norm: Norm, made: Tensor, shift: Tensor | None) -> Tensor:
        mean, var, scale = (self.norm.get(k) for k in ("running_mean", "running_var", "weight"))
        return F.batch_norm(made, mean, var, scale, shift, mean is None, 0.0, norm.eps)

    def _after(self) -> list[nn.Module]:
        return [m for m in (self.pair.norm, *self.pair.between) if m is not None]


TINY = 1e-30


def _polyak(error: Tensor, slope: Tensor) -> Tensor:
    """(n,): the steps after which the errors could be 0, see `Shadows.teach`."""
    return error / slope.square().sum(1).mul_(2).clamp_min_(TINY)


def _picked(module: nn.Module | None, neurons: Tensor) -> Tensors:
    """Rows of a module's parameters and statistics."""
    if module is None:
        return {}
    held = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {k: x.detach().index_select(0, neurons) for k, x in held.items() if x.ndim}
