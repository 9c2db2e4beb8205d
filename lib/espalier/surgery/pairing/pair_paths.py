"""The way from a producer's output to its consumer in a recorded pass, or why there is none.

Everything on the way must act on each neuron by itself, and the consumer must be the only reader:
then whatever is done to a neuron can be made good in the consumer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from espalier.surgery.pairing.pair_layers import (
    NORMS,
    Layer,
    Norm,
    by_output,
    is_layer,
    spatial_dims,
    why_not,
)
from espalier.surgery.pairing.tensor_graph import Node, TensorGraph, leaves, replace_leaves

# Functions of each number by itself, as torch names them, without underscores at the ends.
_POINTWISE_NAMES = """
    relu relu6 leaky_relu elu celu selu gelu silu mish tanh sigmoid softplus softsign hardswish
    hardsigmoid hardtanh hardshrink softshrink tanhshrink logsigmoid threshold
    rpow mul multiply div divide true_divide truediv rtruediv add radd iadd sub rsub subtract rmul
    imul isub idiv neg negative abs absolute square sqrt rsqrt exp exp2 expm1 log log2 log10
    log1p sin cos tan sinh cosh asinh acosh atanh atan erf erfc erfinv pow sign sgn reciprocal
    clamp clip clamp_min clamp_max maximum minimum where gt ge lt le eq ne lerp addcmul
    nan_to_num contiguous clone view_as to float double half bfloat16 type type_as
    dropout alpha_dropout dropout1d dropout2d dropout3d
"""
_POINTWISE = frozenset(_POINTWISE_NAMES.split())
_POOLS = frozenset(
    f"{adaptive}{kind}_pool{dims}d"
    for adaptive in ("", "adaptive_")
    for kind in ("avg", "max", "lp")
    for dims in (1, 2, 3)
)
_FLATTENING = frozenset(("flatten", "view", "reshape"))
_MEANS = frozenset(("mean", "amax", "sum"))
_DROPOUTS: dict[str, type[nn.Module]] = {
    "dropout": nn.Dropout,
    "alpha_dropout": nn.AlphaDropout,
    "dropout1d": nn.Dropout1d,
    "dropout2d": nn.Dropout2d,
    "dropout3d": nn.Dropout3d,
}
# What acts on each neuron by itself: activations, dropout, pooling.
POINTWISE_MODULES = (
    *(nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU),
    *(nn.Mish, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Hardswish, nn.Hardsigmoid),
    *(nn.Hardtanh, nn.Hardshrink, nn.Softshrink, nn.Tanhshrink, nn.LogSigmoid, nn.Threshold),
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout),
)
POOLING_MODULES = (
    *(nn.MaxPool1d, nn.AvgPool1d, nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d, nn.LPPool1d),
    *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.LPPool2d),
    *(nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool3d),
)


class NoPath(Exception):
    """Why a layer is no producer."""


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


def is_plain_prelu(module: nn.Module) -> bool:
    """Return whether all neurons have one slope."""
    return isinstance(module, nn.PReLU) and module.num_parameters == 1


def find_path(graph: TensorGraph, layer: nn.Module) -> Path:
    """Return the path that begins at `layer`. Raises NoPath, with the reason, if none does."""
    region, consumer = _region(graph, layer)
    producers = tuple(node.step for node in region if is_layer(node.step))
    if producers[0] is not layer:
        raise NoPath("it is a gate of a pair that begins elsewhere")
    inputs = {id(node.args[0]) for node in region if is_layer(node.step)}
    if len(inputs) > 1:
        raise NoPath(f"{len(producers)} layers make it of different inputs")
    places = _Places(_size(layer))
    for node in region:
        places.follow(node)
    (last,) = _sources(consumer)
    per = places.enter(last, consumer)
    norm, norm_at, between = _modules(region, last)
    assert is_layer(consumer.step)
    return Path(producers, norm, norm_at, between, consumer.step, _norm_after(consumer), per)


def _size(layer: Any) -> int:
    return by_output(layer).shape[0]


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
    step = node.step
    if step in graph.hooked:
        raise NoPath(f"a hook on {node.label} changes what it reads or puts out")
    is_alone = (
        node.label in _POINTWISE | _POOLS | _FLATTENING | _MEANS
        if not isinstance(step, nn.Module)
        else is_known(step)
    )
    if not is_alone or not node.alone:
        raise NoPath(f"{node.label} may mix its neurons")
    others = [x for x in leaves((node.args, node.kwargs)) if isinstance(x, Tensor)]
    if any(x.numel() != 1 for x in others):
        raise NoPath(f"{node.label} joins it with a tensor that no layer makes")


def is_known(module: nn.Module) -> bool:
    """Return whether a module acts on each neuron by itself, batch normalisation included."""
    kinds = (*POINTWISE_MODULES, *POOLING_MODULES, *NORMS, nn.Flatten)
    inherited = any(isinstance(module, k) and type(module).forward is k.forward for k in kinds)
    return inherited or is_plain_prelu(module)


def spreads(module: nn.Module) -> bool:
    """Return whether a module of a path mixes or reshapes the places of each neuron's map."""
    if isinstance(module, GraphStep):
        return module.label in _POOLS | _MEANS
    return isinstance(module, (*POOLING_MODULES, nn.Flatten))


class _Places:
    """Where the neurons are in each tensor: a dimension, and how many numbers each has there."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._at: dict[Node, tuple[int, int]] = {}

    def follow(self, node: Node) -> None:
        """Find the neurons in the result of `node`. Raises NoPath where they cannot be told."""
        if is_layer(node.step):
            self._begin(node)
            return
        sources = _sources(node)
        shapes, places = {x.shape for x in sources}, {self._at[x] for x in sources}
        if len(shapes) > 1 or len(places) > 1:
            raise NoPath(f"{node.label} joins tensors of different shapes")
        (shape,), ((axis, per),) = shapes, places
        self._at[node] = self._after(node, shape, axis, per)

    def _begin(self, node: Node) -> None:
        layer: Any = node.step
        dims = spatial_dims(layer)
        if _size(layer) != self.size:
            raise NoPath(f"it is joined with {_size(layer)} outputs of another layer")
        if dims and len(node.shape) != dims + 2:
            raise NoPath("it is called without a batch dimension")
        self._at[node] = (1 if dims else len(node.shape) - 1), 1

    def _after(self, node: Node, shape: torch.Size, axis: int, per: int) -> tuple[int, int]:
        step, label, new = node.step, node.label, node.shape
        if isinstance(step, NORMS) and (axis != 1 or per != 1 or step.num_features != self.size):
            raise NoPath(f"{label} is not along its neurons")
        if _is_pooling(node):
            if axis != 1 or len(shape) == 2 or len(new) != len(shape) or new[1] != shape[1]:
                raise NoPath(f"{label} is not along its neurons")
            return axis, per
        flattening = isinstance(step, nn.Flatten) or label in _FLATTENING
        if not flattening and label not in _MEANS:
            if new != shape:
                raise NoPath(f"{label} changes its shape")
            return axis, per
        if label in _MEANS:
            if axis == 1 and per == 1 and len(shape) > 2 and _means_maps(node, shape):
                return 1, 1
            raise NoPath(f"{label} mixes its neurons")
        if new == shape:
            return axis, per
        if axis == 1 and new == (shape[0], prod(shape[1:])):
            return 1, per * prod(shape[2:])
        raise NoPath(f"{label} changes its shape from {tuple(shape)} to {tuple(new)}")

    def enter(self, last: Node, consumer: Node) -> int:
        """Return how many of the consumer's inputs a neuron feeds."""
        layer: Any = consumer.step
        (axis, per), dims = self._at[last], spatial_dims(layer)
        right = axis == 1 and len(last.shape) == dims + 2 if dims else axis == len(last.shape) - 1
        if not right or (dims and per > 1):
            raise NoPath(f"a {consumer.label} reads it along another dimension")
        if by_output(layer).shape[1] != self.size * per:
            raise NoPath(f"a {consumer.label} reads {by_output(layer).shape[1]} inputs of it")
        return per


def _is_pooling(node: Node) -> bool:
    return isinstance(node.step, POOLING_MODULES) or node.label in _POOLS


def _means_maps(node: Node, shape: torch.Size) -> bool:
    """Return whether a mean is over all places of a map, and over nothing else."""
    given = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    dims = given if isinstance(given, tuple) else (given,)
    return {d % len(shape) for d in dims if isinstance(d, int)} == set(range(2, len(shape)))


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
        modules = tuple(_as_module(node) for node in steps if node not in norms)
        return (norms[0].step if norms else None), norm_at, modules  # type: ignore[return-value]
    if norms:
        raise NoPath("it branches around a normalisation")
    return None, 0, (Steps(region, last),)


def _as_module(node: Node) -> nn.Module:
    if isinstance(node.step, nn.Module):
        return node.step
    kind = _DROPOUTS.get(node.label)
    if kind is not None:
        share = node.kwargs.get("p", node.args[1] if len(node.args) > 1 else 0.5)
        return kind(share)
    if node.label in _FLATTENING:
        return nn.Flatten()
    return GraphStep(node)


@dataclass(frozen=True)
class _Slot:
    """The place of the n-th value among a step's arguments."""

    number: int


class GraphStep(nn.Module):
    """A function of torch with all its arguments but those that come from before."""

    def __init__(self, node: Node) -> None:
        """Take the function of `node`, with slots in the places of the nodes that it reads."""
        super().__init__()
        self.function, self.inplace, self.label = node.step, node.in_place, node.label
        slots = {id(x): _Slot(i) for i, x in enumerate(_sources(node))}
        self.args = replace_leaves(node.args, Node, lambda x: slots[id(x)])
        self.kwargs = replace_leaves(node.kwargs, Node, lambda x: slots[id(x)])

    def forward(self, *values: Tensor) -> Tensor:
        """Apply the function to `values`, one for each slot."""
        args, kwargs = (
            replace_leaves(x, _Slot, lambda slot: values[slot.number])
            for x in (self.args, self.kwargs)
        )
        made: Tensor = self.function(*args, **kwargs)
        return made

    def extra_repr(self) -> str:
        """Name the function."""
        return self.label


class Steps(nn.Module):
    """Several steps that branch or join: from the producers' outputs to the consumer's input."""

    def __init__(self, region: list[Node], last: Node) -> None:
        """Take the steps of a region, in their order; `last` is what the consumer reads."""
        super().__init__()
        layers = [node for node in region if is_layer(node.step)]
        steps = [node for node in region if not is_layer(node.step)]
        place = {id(node): i for i, node in enumerate([*layers, *steps])}
        self.reads = [[place[id(x)] for x in _sources(node)] for node in steps]
        self.last = place[id(last)]
        self.steps = nn.ModuleList(_as_module(node) for node in steps)

    def forward(self, *outputs: Tensor) -> Tensor:
        """Return the consumer's input."""
        values = list(outputs)
        for step, read in zip(self.steps, self.reads, strict=True):
            values.append(step(*(values[i] for i in read)))
        return values[self.last]


def _sources(node: Node) -> list[Node]:
    """Return the nodes that a node reads, each once."""
    return list({id(x): x for x in node.inputs}.values())


def _norm_after(consumer: Node) -> Norm | None:
    """Return the batch normalisation that the consumer's output goes to, and only it."""
    reader = consumer.readers[0] if len(consumer.readers) == 1 else None
    if reader is None or consumer.is_output or not isinstance(reader.step, NORMS):
        return None
    layer: Any = consumer.step
    along = len(consumer.shape) == 2 + spatial_dims(layer)
    return reader.step if along and reader.step.num_features == _size(layer) else None
