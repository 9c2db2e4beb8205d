"""Pairs of layers between which neurons can be exchanged: found in a model, or named.

The neurons of a pair are the outputs of its producer. Each reaches the rest of the network through
its own inputs of the consumer and no other way, so whatever is done to a neuron can be made good
there. A pass over an `example` shows where that holds. Without one, pairs are looked for only
inside chains of `nn.Sequential`s, which are taken at their word: until a pass has shown it, a model
whose `forward` also reads a hidden value of one must not be operated on.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from espalier.core.texts.shortening import keep_first
from espalier.surgery.pairing.neuron_places import NoPath
from espalier.surgery.pairing.pair_chains import chain_paths
from espalier.surgery.pairing.pair_layers import (
    Layer,
    Norm,
    by_output,
    is_layer,
    is_swapped,
    spatial_dims,
    why_not,
)
from espalier.surgery.pairing.pair_names import PairNames, expand
from espalier.surgery.pairing.pair_paths import Path, Uses, find_path
from espalier.surgery.pairing.tensor_graph import Example, TensorGraph, record


@dataclass(frozen=True)
class Pair:
    """A producer, its consumer, and what lies between them.

    `norm` is the batch normalisation between them, if there is one, and `after` the one that the
    consumer's output goes to at once. `between` are the other modules, in order: they act on each
    neuron by itself; `norm_at` of them come before `norm`. A neuron feeds `per` inputs of the
    consumer: 1, or the size of the map if one is flattened; those of neuron i are columns i * per
    to (i + 1) * per - 1.

    `gates` are further producers, as in SwiGLU: neuron i is made by output i of every one. Then
    `between` is one module that takes all their outputs.

    Weights are seen as (outputs, inputs, ...), however a layer stores them: no other code has to
    tell which class a layer is.
    """

    name: str  # the producer's, dotted, as in `model.named_modules()`
    producer: Layer
    norm: Norm | None
    between: tuple[nn.Module, ...]
    consumer: Layer
    after: Norm | None = None
    per: int = 1
    norm_at: int = 0
    gates: tuple[Layer, ...] = ()

    @property
    def producers(self) -> tuple[Layer, ...]:
        """All layers whose outputs make the neurons."""
        return (self.producer, *self.gates)

    @property
    def size(self) -> int:
        """Number of neurons."""
        return by_output(self.producer).shape[0]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.producer.weight.device

    @property
    def map_dims(self) -> tuple[int, int]:
        """Dimensions of the map that the producer puts out, and of the one the consumer reads."""
        return spatial_dims(self.producer), spatial_dims(self.consumer)

    def columns(self, neurons: Tensor) -> Tensor:
        """Return the consumer's inputs (n * per,) that `neurons` (n,) feed, as indices.

        Indices are int64 and on the device of the weights, here and in all of `surgery`.
        """
        if self.per == 1:
            return neurons
        offsets = torch.arange(self.per, device=neurons.device)
        return (neurons[:, None] * self.per + offsets).flatten()

    def slices(self) -> list[tuple[Tensor, int]]:
        """Return the parameters with a slice for each neuron, and the dimension of the slices."""
        held: list[tuple[Any, int]] = []
        for layer in self.producers:
            held += [(layer.weight, int(is_swapped(layer))), (layer.bias, 0)]
        if self.norm is not None:
            held += [(self.norm.weight, 0), (self.norm.bias, 0)]
        return [(p, dim) for p, dim in held if p is not None]

    @property
    def reader(self) -> tuple[Tensor, int]:
        """The parameter that reads the neurons, and the dimension of `columns`."""
        return self.consumer.weight, int(not is_swapped(self.consumer))

    @property
    def out_weight(self) -> Tensor:
        """The consumer's weight (outputs, size * per, ...), without gradients, to be written."""
        return by_output(self.consumer)

    def vectors(self) -> list[Tensor]:
        """Return what has one number for each neuron: biases, normalisation and its statistics."""
        tensors = [layer.bias for layer in self.producers]
        if self.norm is not None:
            norm = self.norm
            tensors += [norm.weight, norm.bias, norm.running_mean, norm.running_var]
        return [x for x in tensors if x is not None]

    def incoming(self) -> Tensor:
        """Return the weights that make each neuron, (size, fan_in); do not write to them.

        Those of several producers follow each other.
        """
        rows = [by_output(layer).flatten(1) for layer in self.producers]
        return rows[0] if len(rows) == 1 else torch.cat(rows, 1)

    def incoming_grad(self) -> Tensor | None:
        """Return the gradient by `incoming`, in its shape; None if any has none."""
        grads = [layer.weight.grad for layer in self.producers]
        rows = [
            (grad.transpose(0, 1) if is_swapped(layer) else grad).flatten(1)
            for layer, grad in zip(self.producers, grads, strict=True)
            if grad is not None
        ]
        if len(rows) < len(grads):
            return None
        return rows[0] if len(rows) == 1 else torch.cat(rows, 1)

    @torch.no_grad()
    def write_incoming(self, neurons: Tensor, rows: Tensor) -> None:
        """Write `rows` (n, ...) of `fan_in` numbers each as the weights that make `neurons`."""
        weights = [by_output(layer) for layer in self.producers]
        parts = torch.split(rows.flatten(1), [w[0].numel() for w in weights], 1)
        for weight, part in zip(weights, parts, strict=True):
            shaped = part.reshape(-1, *weight.shape[1:])
            weight.index_copy_(0, neurons, shaped.to(weight.dtype))

    def outgoing(self) -> Tensor:
        """Return the weights that read each neuron, (size, outputs * per * taps); read-only."""
        weight = self.out_weight
        return weight.reshape(weight.shape[0], self.size, -1).transpose(0, 1).flatten(1)

    def samples(self, x: Tensor) -> Tensor:
        """Reshape an input of the consumer, as its hooks see it, to (samples, size * per).

        Positions of a map, or of a sequence, are samples of their own.
        """
        dims = spatial_dims(self.consumer)
        if dims:
            x = x.movedim(-1 - dims, -1)
        return x.reshape(-1, x.shape[-1])

    def chain(self) -> list[nn.Module]:
        """Return all that lies between producer and consumer, in the order of the network."""
        norm = [] if self.norm is None else [self.norm]
        return [*self.between[: self.norm_at], *norm, *self.between[self.norm_at :]]

    def activate(self, outputs: Sequence[Tensor]) -> Tensor:
        """Return what the consumer gets for these outputs of the producers."""
        modules = self.chain()
        value: Tensor = modules[0](*outputs) if modules else outputs[0]
        for module in modules[1:]:
            value = module(value)
        return value


@dataclass
class PairSearch:
    """The pairs of a model, and why other layers are in none."""

    pairs: list[Pair] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # by the names of the layers

    def explain(self, limit: int = 5) -> str:
        """Return the reasons in one line: the first `limit`, and how many more there are."""
        lines = [f"{name}: {reason}" for name, reason in self.refused.items()]
        return "; ".join(keep_first(lines, limit)) or "it has no linear or convolution layers"


def find_pairs(model: nn.Module, pairs: PairNames | None = None, example: Any = None) -> list[Pair]:
    """Return all pairs of `model`, or those named, in its own order.

    `pairs` has the names of producers and consumers, `*` standing for the same text in both:
    `[("blocks.*.mlp.c_fc", "blocks.*.mlp.c_proj")]`; several producers that make the neurons
    together are a tuple, `[(("blocks.*.w1", "blocks.*.w3"), "blocks.*.w2")]`. `example` is an input
    of the model, a tuple of them, or a dict of them by name; a pass over it shows what is a pair.
    Without one only chains of `nn.Sequential`s are looked through.

    Raises ValueError for named pairs that are none, with the reason of each.
    """
    search = search_pairs(model, pairs, example)
    if pairs is not None and search.refused:
        raise ValueError(f"no pairs of layers: {search.explain()}")
    return search.pairs


def search_pairs(model: nn.Module, pairs: PairNames | None, example: Any) -> PairSearch:
    """Return the pairs, all or those named, and why others are none; see `find_pairs`."""
    traced = _in_chains(model) if example is None else _in_passes(model, Example.of(example))
    return traced if pairs is None else _named(model, traced, pairs, example is not None)


def propose_pairs(
    model: nn.Module, pairs: PairNames | None, chains_only: bool = False
) -> PairSearch:
    """Return pairs that a pass is still to show: what lies between their layers is not known.

    Those named; else those in chains, and layers that stand next to each other in a module and fit.
    Raises ValueError as `find_pairs` does, for what no pass can mend.
    """
    search = _in_chains(model)
    if pairs is None:
        if not chains_only:
            search.pairs += _of_neighbours(model, {id(pair.consumer) for pair in search.pairs})
            if not search.pairs:
                search.refused |= _without_neighbours(model, search.refused)
        return search
    proposed, modules = PairSearch(), dict(model.named_modules())
    for producers, consumer in expand(model, pairs):
        proposal = _proposal(producers, [modules[name] for name in (*producers, consumer)])
        if isinstance(proposal, Pair):
            proposed.pairs.append(proposal)
        else:
            proposed.refused[f"{', '.join(producers)} -> {consumer}"] = proposal
    if proposed.refused:
        raise ValueError(f"no pairs of layers: {proposed.explain()}")
    return proposed


def _proposal(names: Sequence[str], layers: Sequence[nn.Module]) -> Pair | str:
    """Return a pair of producers and a consumer as named, or why it cannot be one."""
    for layer in layers:
        if not is_layer(layer):
            return f"a {type(layer).__name__} is no linear layer or convolution"
        reason = why_not(layer)
        if reason is not None:
            return f"of a {type(layer).__name__}: {reason}"
    first, *gates, consumer = (layer for layer in layers if is_layer(layer))
    sizes = {by_output(layer).shape[0] for layer in (first, *gates)}
    per, left = divmod(by_output(consumer).shape[1], by_output(first).shape[0])
    if left or per == 0 or len(sizes) > 1:
        made = " and ".join(map(str, sorted(sizes)))
        return f"{made} outputs do not fit {by_output(consumer).shape[1]} inputs"
    return Pair(names[0], first, None, (), consumer, None, per, gates=tuple(gates))


def _of_neighbours(model: nn.Module, taken: set[int]) -> list[Pair]:
    """Return pairs of layers that follow each other among the modules of one module."""
    proposals = []
    for name, module in model.named_modules():
        children = [(n, m) for n, m in module.named_children() if is_layer(m)]
        for (first, producer), (_, consumer) in pairwise(children):
            whole = f"{name}.{first}" if name else first
            proposal = _proposal([whole], [producer, consumer])
            if isinstance(proposal, Pair) and id(consumer) not in taken:
                proposals.append(proposal)
    return proposals


def _without_neighbours(model: nn.Module, refused: Container[str]) -> dict[str, str]:
    """Return why the layers that are not `refused` yet are proposed in no pair, by their names."""
    rule = "no layer next to it fits: give example=, an input of the model, or pairs="
    layers = ((name, module) for name, module in model.named_modules() if is_layer(module))
    return {name: why_not(layer) or rule for name, layer in layers if name not in refused}


def _in_chains(model: nn.Module) -> PairSearch:
    return _collect(model, chain_paths(model))


def _in_passes(model: nn.Module, example: Example) -> PairSearch:
    """Search in a pass in training mode and one in evaluation mode, which must agree."""
    graphs = [record(model, example, training) for training in (True, False)]
    uses = Uses.of(model)
    layers = [module for module in model.modules() if is_layer(module)]
    return _collect(model, ((layer, _agreed(graphs, layer, uses)) for layer in layers))


def _agreed(graphs: Sequence[TensorGraph], layer: nn.Module, uses: Uses) -> Path | NoPath:
    """Return the path from `layer` in the passes that call it, or why there is none."""
    try:
        paths = [find_path(graph, layer) for graph in graphs if layer in graph.calls]
        if not paths:
            return NoPath(why_not(layer) or "it is not called")
        if len({(*path.producers, path.consumer, path.norm) for path in paths}) > 1:
            return NoPath("it is read by another layer while training")
        uses.check(paths[0])
        return paths[0]
    except NoPath as error:
        return error


def _collect(model: nn.Module, paths: Iterable[tuple[nn.Module, Path | NoPath]]) -> PairSearch:
    """Make pairs of paths, each once, by the names of their layers."""
    names = {module: name for name, module in model.named_modules()}
    search, producers = PairSearch(), set[nn.Module]()
    for layer, path in paths:
        if isinstance(path, NoPath):
            search.refused.setdefault(names[layer], str(path))
        elif layer not in producers:
            producers.update(path.producers)
            search.pairs.append(_pair(names[layer], path))
    return search


def _pair(name: str, path: Path) -> Pair:
    first, *gates = path.producers
    ends = path.consumer, path.after, path.per, path.norm_at
    return Pair(name, first, path.norm, path.between, *ends, tuple(gates))


def _named(model: nn.Module, search: PairSearch, pairs: PairNames, traced: bool) -> PairSearch:
    """Return those of the pairs that are named, and why other named ones are none."""
    modules, chosen = dict(model.named_modules()), PairSearch()
    by_layer = {layer: pair for pair in search.pairs for layer in pair.producers}
    for producers, consumer in expand(model, pairs):
        pair = by_layer.get(modules[producers[0]])
        reason = search.refused.get(producers[0], f"it is a {type(modules[producers[0]]).__name__}")
        if pair is not None:
            reason = _difference(pair, {modules[name] for name in producers}, modules[consumer])
        elif not traced and is_layer(modules[producers[0]]):
            reason = "give example=, an input of the model: a pass over it shows what reads it"
        if pair is not None and not reason:
            chosen.pairs.append(pair)
        else:
            chosen.refused[f"{', '.join(producers)} -> {consumer}"] = reason
    return chosen


def _difference(pair: Pair, producers: set[nn.Module], consumer: nn.Module) -> str:
    """Return how a pair differs from the named layers; nothing if it does not."""
    if pair.consumer is not consumer:
        return "another layer reads it"
    if set(pair.producers) != producers:
        return (
            f"{len(pair.producers)} layers make what the consumer reads, {len(producers)} are named"
        )
    return ""
