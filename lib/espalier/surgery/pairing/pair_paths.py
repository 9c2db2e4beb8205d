"""The way from a producer's output to its consumer in a recorded pass, or why there is none.

Everything on the way must act on each neuron by itself, and the consumer must be the only reader:
then whatever is done to a neuron can be made good in the consumer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from espalier.surgery.pairing.neuron_places import NeuronPlaces, NoPath, count_outputs
from espalier.surgery.pairing.pair_layers import (
    NORMS,
    Layer,
    Norm,
    is_layer,
    spatial_dims,
    why_not,
)
from espalier.surgery.pairing.pair_steps import Steps, as_module, is_pointwise, sources
from espalier.surgery.pairing.tensor_graph import Node, TensorGraph, leaves


@dataclass(frozen=True)
class Path:
    """What a `Pair` is made of, without names."""

    producers: tuple[Layer, ...]
    norm: Norm | None
    norm_at: int
    between: tuple[nn.Module, ...]
    consumer: Layer
    after: Norm | None
    per: int


@dataclass(frozen=True)
class Uses:
    """How often each module is in a model, and how many modules hold each parameter."""

    modules: Counter[int]
    parameters: Counter[int]

    @classmethod
    def of(cls, model: nn.Module) -> Uses:
        """Count them by identity."""
        return cls(
            Counter(id(m) for _, m in model.named_modules(remove_duplicate=False)),
            Counter(id(p) for m in model.modules() for p in m._parameters.values()),
        )

    def check(self, path: Path) -> None:
        """Raise NoPath if the path's weights are another's too, or its normalisation is frozen."""
        modules = [*path.producers, path.norm, path.consumer, path.after]
        held = [p for m in modules if isinstance(m, nn.Module) for p in m.parameters()]
        if any(self.parameters[id(p)] != 1 for p in held):
            raise NoPath("one of its weights is also that of another module")
        if path.norm is not None and not all(p.requires_grad for p in path.norm.parameters()):
            raise NoPath("the normalisation before its reader is frozen")


def find_path(graph: TensorGraph, layer: nn.Module) -> Path:
    """Return the path that begins at `layer`. Raises NoPath, with the reason, if none does."""
    region, consumer = _region(graph, layer)
    producers = tuple(node.step for node in region if is_layer(node.step))
    if producers[0] is not layer:
        raise NoPath("it is a gate of a pair that begins elsewhere")
    inputs = {id(node.args[0]) for node in region if is_layer(node.step)}
    if len(inputs) > 1:
        raise NoPath(f"{len(producers)} layers make it of different inputs")
    places = NeuronPlaces(count_outputs(layer))
    for node in region:
        places.follow(node)
    (last,) = sources(consumer)
    per = places.enter(last, consumer)
    norm, norm_at, between = _modules(region, last)
    assert is_layer(consumer.step)
    return Path(producers, norm, norm_at, between, consumer.step, _norm_after(consumer), per)


def _only_call(graph: TensorGraph, layer: Any) -> Node:
    """Return the call of a layer. Raises NoPath if it is not plain, or used otherwise."""
    calls = graph.calls.get(layer, [])
    reason = why_not(layer)
    if reason is None and not calls:
        reason = "it is not called"
    if reason is None and len(calls) > 1:
        reason = f"it is called {len(calls)} times in a pass"
    if reason is None and layer.weight in graph.weight_reads:
        reason = f"its weight is also read by {graph.weight_reads[layer.weight]}"
    if reason is None and layer in graph.hooked:
        reason = "a hook on it changes what it reads or puts out"
    if reason is not None:
        raise NoPath(reason)
    return calls[0]


def _region(graph: TensorGraph, layer: nn.Module) -> tuple[list[Node], Node]:
    """Return all nodes on the way, in the order of the pass, and the consumer's."""
    start = _only_call(graph, layer)
    region, consumers = {start: None}, dict[Node, None]()
    queue = [start]
    while queue:
        node = queue.pop(0)
        near = list(node.readers)
        if is_layer(node.step):
            _only_call(graph, node.step)
        else:
            _check_step(graph, node)
            near += node.inputs
        if node.is_output or not node.readers:
            rule = "is an output of the model" if node.is_output else "is read by nothing known"
            raise NoPath(f"the result of {node.label} {rule}")
        for other in near:
            if is_layer(other.step) and node in other.inputs:
                consumers[other] = None
            elif other not in region:
                region[other] = None
                queue.append(other)
        if len(consumers) > 1:
            raise NoPath(f"it is read by {len(consumers)} layers")
    (consumer,) = consumers
    try:
        _only_call(graph, consumer.step)
    except NoPath as error:
        raise NoPath(f"of its reader, a {consumer.label}: {error}") from None
    return sorted(region, key=lambda node: node.number), consumer


def _check_step(graph: TensorGraph, node: Node) -> None:
    """Raise NoPath for a step that does not act on each neuron by itself."""
    if node.step in graph.hooked:
        raise NoPath(f"a hook on {node.label} changes what it reads or puts out")
    if not is_pointwise(node) or not node.alone:
        raise NoPath(f"{node.label} may mix its neurons")
    others = [x for x in leaves((node.args, node.kwargs)) if isinstance(x, Tensor)]
    if any(x.numel() != 1 for x in others):
        raise NoPath(f"{node.label} joins it with a tensor that no layer makes")


def _modules(region: list[Node], last: Node) -> tuple[Norm | None, int, tuple[nn.Module, ...]]:
    """Return the normalisation, how many modules come before it, and the modules."""
    norms = [node for node in region if isinstance(node.step, NORMS)]
    steps = [node for node in region if not is_layer(node.step)]
    if len(norms) > 1:
        raise NoPath("there are two normalisations before its reader")
    row = [node for node in region if is_layer(node.step)][-1:]
    straight = len(steps) + 1 == len(region) and all(
        {id(x) for x in node.inputs} == {id(before)}
        for node, before in zip(steps, [*row, *steps], strict=False)
    )
    if straight:
        norm_at = steps.index(norms[0]) if norms else 0
        modules = tuple(as_module(node) for node in steps if node not in norms)
        return (norms[0].step if norms else None), norm_at, modules  # type: ignore[return-value]
    if norms:
        raise NoPath("it branches around a normalisation")
    return None, 0, (Steps(region, last),)


def _norm_after(consumer: Node) -> Norm | None:
    """Return the batch normalisation that the consumer's output goes to, and only it."""
    reader = consumer.readers[0] if len(consumer.readers) == 1 else None
    if reader is None or consumer.is_output or not isinstance(reader.step, NORMS):
        return None
    layer: Any = consumer.step
    along = len(consumer.shape) == 2 + spatial_dims(layer)
    return reader.step if along and reader.step.num_features == count_outputs(layer) else None
