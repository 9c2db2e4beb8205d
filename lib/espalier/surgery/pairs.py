"""Pairs of layers between which neurons can be exchanged: found in a model, or named.

The neurons of a pair are the outputs of its producer. Each reaches the rest of the network through
its own inputs of the consumer and no other way, so whatever is done to a neuron can be made good
there. That holds only inside a chain of `nn.Sequential`s, so pairs are looked for nowhere else:
never across a residual sum, an attention, or a layer that mixes neurons.

A chain is taken at its word: a model whose `forward` also reads a hidden value of one of its
`nn.Sequential`s, or applies only parts of it, must not be operated on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Layer = nn.Linear | nn.Conv2d
Norm = nn.BatchNorm1d | nn.BatchNorm2d

# What acts on each neuron by itself: activations, dropout, pooling.
_BETWEEN = (
    *(nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU),
    *(nn.Mish, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Hardswish, nn.Hardsigmoid),
    *(nn.Hardtanh, nn.Hardshrink, nn.Softshrink, nn.Tanhshrink, nn.LogSigmoid, nn.Threshold),
    *(nn.Dropout, nn.Dropout2d, nn.AlphaDropout),
    *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.LPPool2d),
)


@dataclass(frozen=True)
class Pair:
    """A producer, its consumer, and what lies between them.

    `norm` is the batch normalisation between them, if there is one, and `after` the one that the
    consumer's output goes to at once. `between` are the other modules, in order: they act on each
    neuron by itself. A neuron feeds `per` inputs of the consumer: 1, or height times width if a
    map is flattened; those of neuron i are columns i * per to (i + 1) * per - 1.
    """

    name: str  # the producer's, dotted, as in `model.named_modules()`
    producer: Layer
    norm: Norm | None
    between: tuple[nn.Module, ...]
    consumer: Layer
    after: Norm | None = None
    per: int = 1

    @property
    def size(self) -> int:
        """Number of neurons."""
        return self.producer.weight.shape[0]

    def columns(self, neurons: Tensor) -> Tensor:
        """Return the consumer's inputs (n * per,) that `neurons` (n,) feed, as indices.

        Indices are int64 and on the device of the weights, here and in all of `surgery`.
        """
        if self.per == 1:
            return neurons
        offsets = torch.arange(self.per, device=neurons.device)
        return (neurons[:, None] * self.per + offsets).flatten()

    def vectors(self) -> list[Tensor]:
        """Return what has one number for each neuron: biases, normalisation and its statistics."""
        tensors = [self.producer.bias]
        if self.norm is not None:
            norm = self.norm
            tensors += [norm.weight, norm.bias, norm.running_mean, norm.running_var]
        return [x for x in tensors if x is not None]

    def incoming(self) -> Tensor:
        """Return the weights that make each neuron, (size, fan_in); do not write to them."""
        return self.producer.weight.detach().flatten(1)

    def outgoing(self) -> Tensor:
        """Return the weights that read each neuron, (size, outputs * per * taps); read-only."""
        weight = self.consumer.weight.detach()
        return weight.reshape(weight.shape[0], self.size, -1).transpose(0, 1).flatten(1)

    def samples(self, x: Tensor) -> Tensor:
        """Reshape an input of the consumer, as its hooks see it, to (samples, size * per).

        Positions of a map, or of a sequence, are samples of their own.
        """
        if isinstance(self.consumer, nn.Conv2d):
            x = x.movedim(-3, -1)
        return x.reshape(-1, x.shape[-1])


def find_pairs(model: nn.Module) -> list[Pair]:
    """Return all pairs of `model`, in its own order; layers that are used twice are in none.

    Nor are layers whose weights are computed from others (`torch.nn.utils.parametrize`).
    """
    uses = Counter(id(m) for _, m in model.named_modules(remove_duplicate=False))
    owners = Counter(id(p) for m in model.modules() for p in m._parameters.values())
    return [
        pair
        for chain in _chains("", model)
        for start in range(len(chain))
        if (pair := _pair_at(chain, start)) is not None and _alone(pair, uses, owners)
    ]


_Chain = list[tuple[str, nn.Module]]


def _chains(name: str, module: nn.Module) -> Iterator[_Chain]:
    """Yield maximal runs of modules each of which gets the output of the one before."""
    chain = list(_unrolled(name, module))
    if len(chain) > 1:
        yield chain
    for inner_name, inner in chain:
        for child_name, child in inner.named_children():
            yield from _chains(_joined(inner_name, child_name), child)


def _unrolled(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules of nested `nn.Sequential`s in a row, or `module` itself."""
    if type(module).forward is not nn.Sequential.forward:
        yield name, module
        return
    for child_name, child in module._modules.items():
        if child is not None:
            yield from _unrolled(_joined(name, child_name), child)


def _joined(name: str, child: str) -> str:
    return f"{name}.{child}" if name else child


def _pair_at(chain: _Chain, start: int) -> Pair | None:
    """Return the pair that begins at `start` of the chain, if one does."""
    name, producer = chain[start]
    rest = [module for _, module in chain[start + 1 :]]
    end = next((i for i, module in enumerate(rest) if isinstance(module, Layer)), None)
    if not isinstance(producer, Layer) or end is None:
        return None
    consumer, inner = rest[end], rest[:end]
    assert isinstance(consumer, Layer)
    norms = [module for module in inner if isinstance(module, Norm)]
    others = tuple(module for module in inner if not isinstance(module, Norm))
    per = _inputs_of_each(producer, others, consumer)
    size = producer.weight.shape[0]
    fitting = len(norms) <= 1 and all(norm.num_features == size for norm in norms)
    if per == 0 or not fitting:
        return None
    after = next((m for m in rest[end + 1 : end + 2] if isinstance(m, Norm)), None)
    return Pair(name, producer, norms[0] if norms else None, others, consumer, after, per)


def _inputs_of_each(producer: Layer, between: Sequence[nn.Module], consumer: Layer) -> int:
    """Return how many of the consumer's inputs a neuron feeds; 0 if these are not a pair."""
    flat = [module for module in between if isinstance(module, nn.Flatten)]
    plain = all(isinstance(m, _BETWEEN) or m in flat or _is_plain_prelu(m) for m in between)
    convolutions = [m for m in (producer, consumer) if isinstance(m, nn.Conv2d)]
    ungrouped = all(convolution.groups == 1 for convolution in convolutions)
    whole = all(module.start_dim == 1 and module.end_dim == -1 for module in flat)
    if not (plain and ungrouped and whole):
        return 0
    per, left = divmod(consumer.weight.shape[1], producer.weight.shape[0])
    kinds = isinstance(producer, nn.Conv2d), isinstance(consumer, nn.Conv2d)
    possible = {
        (False, False): per == 1,
        (True, True): per == 1 and not flat,
        (True, False): bool(flat),
        (False, True): False,
    }
    return per if left == 0 and possible[kinds] else 0


def _is_plain_prelu(module: nn.Module) -> bool:
    return isinstance(module, nn.PReLU) and module.num_parameters == 1


def _alone(pair: Pair, uses: Counter[int], owners: Counter[int]) -> bool:
    """Return whether the pair's layers have plain parameters, and nothing else uses either."""
    modules = [m for m in (pair.producer, pair.norm, pair.consumer, pair.after) if m is not None]
    held = [p for m in modules for p in m.parameters()]
    plain = all("weight" in m._parameters for m in (pair.producer, pair.consumer))
    return (
        plain and all(uses[id(m)] == 1 for m in modules) and all(owners[id(p)] == 1 for p in held)
    )
