"""Neurons that a layer could have: kept beside it, evaluated, and distilled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.dropout import _DropoutNd

from espalier.surgery.pairing.pair_layers import Layer, Norm, apply, by_output
from espalier.surgery.pairing.pair_steps import spreads
from espalier.surgery.pairing.pairs import Pair
from espalier.surgery.probe import evaluating

TINY = 1e-30
Tensors = dict[str, Tensor]


@dataclass
class CandidateNeurons:
    """n neurons of `pair` that are not in it.

    `incoming` are each producer's parameters for them, `weight` (n, ...) and perhaps `bias` (n,);
    `norm` the normalisation's parameters and running statistics, each (n,).
    """

    pair: Pair
    incoming: list[Tensors]
    norm: Tensors = field(default_factory=dict)

    @classmethod
    def copy_of(cls, pair: Pair, neurons: Tensor) -> CandidateNeurons:
        """Copy `neurons` (n,), of which some may be the same."""
        incoming = [_select_incoming(layer, neurons) for layer in pair.producers]
        return cls(pair, incoming, _select_rows(pair.norm, neurons))

    def activations(self, inputs: Tensor, whole: bool = True) -> Tensor:
        """Return what the consumer would get from them for the producer's inputs, in evaluation.

        With `whole` False, pooling, flattening and dropout are left out.
        """
        with evaluating(nn.Sequential(*self._after())):
            return self._activations(inputs, whole)

    def install(self, slots: Tensor) -> None:
        """Write them into `slots` (n,) of the pair; the consumer does not read them yet."""
        for layer, tensors in zip(self.pair.producers, self.incoming, strict=True):
            by_output(layer).index_copy_(0, slots, tensors["weight"])
            if layer.bias is not None:
                layer.bias.data.index_copy_(0, slots, tensors["bias"])
        for name, values in self.norm.items():
            getattr(self.pair.norm, name).data.index_copy_(0, slots, values)

    @torch.no_grad()
    def recompute_statistics(self, inputs: Tensor) -> None:
        """Take the running statistics from `inputs`; activations stay the same if they can.

        Scale and shift change along; a normalisation without them changes the activations.
        """
        norm = self.pair.norm
        if norm is None or "running_mean" not in self.norm:
            return
        made = self._before_norm(inputs).movedim(1, 0).flatten(1)
        old_mean, old_var = self.norm["running_mean"], self.norm["running_var"]
        mean, var = made.mean(1), made.var(1)
        if "weight" in self.norm:
            slope = self.norm["weight"] * (old_var + norm.eps).rsqrt()
            self.norm["bias"] = self.norm["bias"] + slope * (mean - old_mean)
            self.norm["weight"] = slope * (var + norm.eps).sqrt()
        self.norm["running_mean"], self.norm["running_var"] = mean, var

    def distill(self, inputs: Tensor, targets: Tensor, steps: int) -> None:
        """Move towards `targets` (as `activations(inputs, False)`) by `steps` of descent.

        Each neuron by itself takes Polyak's step, its error over the squared length of its
        gradient: the error could be 0. A step after which the error is not smaller is taken back,
        and the next is half as long.

        Source: Polyak 1987, "Introduction to Optimization", for the step.
        Differs: the least possible error, which he subtracts, is 0.
        """
        tensors = [(incoming, name) for incoming in self.incoming for name in incoming]
        tensors += [(self.norm, name) for name in self.norm if name == "bias"]
        best = _flatten(tensors)
        error, slope = torch.full_like(best[:, 0], torch.inf), best
        length = torch.zeros_like(error)  # of the next step, by neuron
        with evaluating(nn.Sequential(*self._after())):
            for step in range(steps + 1):
                trial = best if step == 0 else torch.addcmul(best, length[:, None], slope, value=-1)
                new_error, gradient = self._error(_unflatten(tensors, trial), inputs, targets)
                better = new_error < error
                best = torch.where(better[:, None], trial, best)
                slope = torch.where(better[:, None], gradient, slope)
                error = torch.where(better, new_error, error)
                polyak = error / slope.square().sum(1).clamp_min(TINY)
                length = torch.where(better, polyak, length / 2)
        _unflatten(tensors, best)

    def _error(
        self, leaves: list[Tensor], inputs: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return half the mean squared error of each neuron (n,), and gradients (n, parameters)."""
        with torch.enable_grad():
            for leaf in leaves:
                leaf.requires_grad_()
            output = self._activations(inputs, whole=False)
        missed = output.detach() - targets
        axis = self._axis() % missed.ndim
        places = missed.numel() // missed.shape[axis]
        error = missed.square().sum([d for d in range(missed.ndim) if d != axis]) / (2 * places)
        slopes = torch.autograd.grad(output, leaves, missed.div_(places))
        for leaf in leaves:
            leaf.requires_grad_(False)
        return error, torch.cat([s.reshape(len(s), -1) for s in slopes], 1)

    def _axis(self) -> int:
        """Return the dimension of the neurons in the producer's output."""
        return 1 if self.pair.map_dims[0] else -1

    def _pre_activations(self, inputs: Tensor) -> list[Tensor]:
        """Apply the layers without their hooks, which are for what the network itself does."""
        return [
            apply(layer, inputs, tensors["weight"], tensors.get("bias"))
            for layer, tensors in zip(self.pair.producers, self.incoming, strict=True)
        ]

    def _before_norm(self, inputs: Tensor) -> Tensor:
        return self._through(self.pair.between[: self.pair.norm_at], self._pre_activations(inputs))

    def _activations(self, inputs: Tensor, whole: bool) -> Tensor:
        pair, values = self.pair, self._pre_activations(inputs)
        if pair.norm is None:
            return self._through(pair.between, values, whole)
        value = self._through(pair.between[: pair.norm_at], values, whole)
        return self._through(
            pair.between[pair.norm_at :], [self._normalise(pair.norm, value)], whole
        )

    def _through(
        self, modules: Sequence[nn.Module], values: list[Tensor], whole: bool = True
    ) -> Tensor:
        """Return what modules make of the values: the first takes all of them."""
        for module in modules:
            if whole or not (spreads(module) or isinstance(module, _DropoutNd)):
                values = [module.forward(*values)]
        (value,) = values
        return value

    def _normalise(self, norm: Norm, made: Tensor) -> Tensor:
        mean, var = self.norm.get("running_mean"), self.norm.get("running_var")
        scale, shift = self.norm.get("weight"), self.norm.get("bias")
        return F.batch_norm(made, mean, var, scale, shift, mean is None, 0.0, norm.eps)

    def _after(self) -> list[nn.Module]:
        return [m for m in (self.pair.norm, *self.pair.between) if m is not None]


@dataclass(frozen=True)
class Successors:
    """Candidates that are ready, the weights that will read them, and their parents."""

    neurons: CandidateNeurons
    outgoing: Tensor  # (outputs, n * per, ...)
    parents: Tensor  # (n,)


def _select_incoming(layer: Layer, neurons: Tensor) -> Tensors:
    """Return rows of a layer's weight (n, inputs, ...) and bias."""
    rows = {"weight": by_output(layer).index_select(0, neurons)}
    if layer.bias is not None:
        rows["bias"] = layer.bias.detach().index_select(0, neurons)
    return rows


def _select_rows(module: nn.Module | None, neurons: Tensor) -> Tensors:
    """Return rows of a module's parameters and statistics."""
    if module is None:
        return {}
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {k: x.detach().index_select(0, neurons) for k, x in tensors.items() if x.ndim}


Entries = list[tuple[Tensors, str]]


def _flatten(entries: Entries) -> Tensor:
    """Concatenate the tensors, (n, ...) each, to (n, parameters)."""
    return torch.cat(
        [tensors[name].reshape(len(tensors[name]), -1) for tensors, name in entries], 1
    )


def _unflatten(entries: Entries, flat: Tensor) -> list[Tensor]:
    """Write `flat` (n, parameters) back into the tensors of `_flatten`, and return them."""
    shapes = [tensors[name].shape for tensors, name in entries]
    parts = torch.split(flat, [shape[1:].numel() for shape in shapes], 1)
    shaped = [
        part.contiguous().view(shape)  # else every product strides over the others
        for part, shape in zip(parts, shapes, strict=True)
    ]
    for (tensors, name), part in zip(entries, shaped, strict=True):
        tensors[name] = part
    return shaped
