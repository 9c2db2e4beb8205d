"""Which parameters of a layer are matrices that it multiplies by, and how they lie.

A layer counts if it is one of torch's own, or a subclass that leaves `forward` alone: what another
forward does to a weight cannot be seen. GPT-2's `Conv1D` (OpenAI's, transformers') is known by
its class name, two dimensions of its weight, a bias and an attribute `nf` that is the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations

# `torch.nn.utils.weight_norm` and `spectral_norm` are functions that hide modules of their names
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from espalier.sparse.orientation import ROWS, Orientation

Embeddings = nn.Embedding | nn.EmbeddingBag
RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)
CELLS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)
LAYERS: tuple[type[nn.Module], ...] = (
    nn.Linear,
    nn.Bilinear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.MultiheadAttention,
    *RECURRENT,
    *CELLS,
)
ATTENTION = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
HOOKS = (WeightNorm, SpectralNorm, BasePruningMethod)
CLAUSES = {
    WeightNorm: "torch.nn.utils.weight_norm computes it, by norms that may not become 0",
    SpectralNorm: "torch.nn.utils.spectral_norm computes it, by a norm that may not become 0",
    BasePruningMethod: (
        "torch.nn.utils.prune masks it: call torch.nn.utils.prune.remove(layer, '{name}') first"
    ),
}


@runtime_checkable
class TransposedLinear(Protocol):
    """A layer x @ weight + bias with a weight of (inputs, nf)."""

    weight: nn.Parameter
    bias: nn.Parameter
    nf: int


class Matrix(NamedTuple):
    """A matrix of a layer: its name there, how it lies, and why it cannot be masked, if so."""

    name: str
    orientation: Orientation = ROWS
    reason: str = ""


def find_matrices(layer: nn.Module) -> list[Matrix]:
    """Return the matrices that a module itself multiplies by; empty if it is no such layer."""
    if is_transposed_linear(layer):
        return [_judge(layer, "weight", Orientation(transposed=True))]
    if not isinstance(layer, LAYERS):
        return []
    orientation = _orientation(layer)
    return [_judge(layer, name, orientation) for name in _names(layer)]


def find_originals(layer: nn.Module, name: str) -> list[nn.Parameter]:
    """Return the parameters from which a parametrization of torch computes `name`."""
    if not is_parametrized(layer, name):
        return []
    return list(layer.parametrizations[name].parameters())  # type: ignore[union-attr,index]


def is_transposed_linear(layer: nn.Module) -> bool:
    """Return whether a module is GPT-2's `Conv1D`, or a subclass with the same forward."""
    base = next((c for c in type(layer).__mro__ if c.__name__ == "Conv1D"), None)
    if base is None or not isinstance(layer, TransposedLinear):
        return False
    same = type(layer).forward is base.forward  # type: ignore[attr-defined]  # a module's class
    return same and layer.weight.ndim == 2 and layer.weight.shape[1] == layer.nf


def keeps_forward(layer: nn.Module) -> bool:
    """Return whether a layer computes what its class of torch does, or GPT-2's `Conv1D`."""
    kind = type(layer)
    if "forward" in vars(layer):
        return False
    if is_transposed_linear(layer):
        return True
    base = next((each for each in LAYERS if isinstance(layer, each)), None)
    if base is None or kind.forward is not base.forward:
        return False
    if isinstance(layer, _ConvNd) and not layer.transposed:
        same: bool = kind._conv_forward is base._conv_forward  # type: ignore[attr-defined]
        return same
    return True


def _names(layer: nn.Module) -> Iterator[str]:
    """Yield the attributes that hold the matrices of a layer, computed ones too."""
    if isinstance(layer, nn.RNNBase):
        yield from (name for name in layer._flat_weights_names if name.startswith("weight"))
    elif isinstance(layer, CELLS):
        yield from ("weight_ih", "weight_hh")
    elif isinstance(layer, nn.MultiheadAttention):
        yield from (name for name in ATTENTION if _has(layer, name))
    else:
        yield "weight"


def _has(attention: nn.Module, name: str) -> bool:
    """Return whether attention has a projection of that name, as a parameter or computed."""
    held = attention._parameters.get(name)
    return held is not None or is_parametrized(attention, name)


def _orientation(layer: nn.Module) -> Orientation:
    if isinstance(layer, _ConvNd) and layer.transposed:
        return Orientation(transposed=True, groups=layer.groups)
    return ROWS


def _judge(layer: nn.Module, name: str, orientation: Orientation) -> Matrix:
    """Return a matrix of a layer, under the name of the parameter that is trained for it."""
    if not keeps_forward(layer):
        kind = type_before_parametrizations(layer).__name__
        return Matrix(name, orientation, f"{kind} has a forward of its own")
    if is_parametrized(layer, name):
        kinds = ", ".join(type(p).__name__ for p in layer.parametrizations[name])  # type: ignore[index]
        return Matrix(name, orientation, f"the parametrization {kinds.strip('_')} computes it")
    for hook in layer._forward_pre_hooks.values():
        if isinstance(hook, HOOKS) and _tensor_of(hook) == name:
            clause = next(CLAUSES[kind] for kind in HOOKS if isinstance(hook, kind))
            return Matrix(name, orientation, clause.format(name=name))
    if name not in layer._parameters:
        return Matrix(name, orientation, "it is computed and no parameter")
    return Matrix(name, orientation)


def _tensor_of(hook: WeightNorm | SpectralNorm | BasePruningMethod) -> str:
    name: str = hook._tensor_name if isinstance(hook, BasePruningMethod) else hook.name
    return name
