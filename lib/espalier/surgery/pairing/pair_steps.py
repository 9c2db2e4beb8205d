"""The steps that act on each neuron by itself: which they are, and a path's steps as modules."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from espalier.surgery.pairing.pair_layers import NORMS, is_layer
from espalier.surgery.pairing.tensor_graph import Node, replace_leaves

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


def is_plain_prelu(module: nn.Module) -> bool:
    """Return whether all neurons have one slope."""
    return isinstance(module, nn.PReLU) and module.num_parameters == 1


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


def is_pointwise(node: Node) -> bool:
    """Return whether a step of a pass acts on each neuron by itself."""
    if isinstance(node.step, nn.Module):
        return is_known(node.step)
    return node.label in _POINTWISE | _POOLS | _FLATTENING | _MEANS


def is_pooling(node: Node) -> bool:
    """Return whether a step makes a map smaller, neuron by neuron."""
    return isinstance(node.step, POOLING_MODULES) or node.label in _POOLS


def is_flattening(node: Node) -> bool:
    """Return whether a step may put the places of a map beside each other."""
    return isinstance(node.step, nn.Flatten) or node.label in _FLATTENING


def is_mean(node: Node) -> bool:
    """Return whether a step is a function that reduces dimensions."""
    return node.label in _MEANS


def as_module(node: Node) -> nn.Module:
    """Return a step as a module of its own."""
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
        slots = {id(x): _Slot(i) for i, x in enumerate(sources(node))}
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
        self.reads = [[place[id(x)] for x in sources(node)] for node in steps]
        self.last = place[id(last)]
        self.steps = nn.ModuleList(as_module(node) for node in steps)

    def forward(self, *outputs: Tensor) -> Tensor:
        """Return the consumer's input."""
        values = list(outputs)
        for step, read in zip(self.steps, self.reads, strict=True):
            values.append(step(*(values[i] for i in read)))
        return values[self.last]


def sources(node: Node) -> list[Node]:
    """Return the nodes that a node reads, each once."""
    return list({id(x): x for x in node.inputs}.values())
