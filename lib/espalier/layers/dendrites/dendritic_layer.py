"""Neurons with dendrites: each dendrite sees a few inputs, each soma its own dendrites."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn

from espalier.core.arguments import check_choice, check_counts
from espalier.layers.dendrites import input_rows, kernels, wiring
from espalier.layers.dendrites.folded_synapses import FoldedDendrites, FoldedNeurons
from espalier.layers.dendrites.kernels import Backend
from espalier.layers.dendrites.nonlinear import NONLINEARITIES, Activation
from espalier.layers.dendrites.synapses import Synapses
from espalier.layers.dendrites.wiring import Wiring
from espalier.layers.folded import Stacked

Init: TypeAlias = Literal["full", "live"]


@dataclass(frozen=True)
class DendriteKind:
    """Properties of dendrites beside their number.

    `activation` is that of the dendrites: a soma's is always a leaky ReLU of slope 0.1. Fresh
    weights have the variance 2 over the number of inputs of the whole layer (`init` full) or of
    the unit (live). `backend` is how sums are computed, None for the fastest. Raises ValueError for
    a name that there is not.
    """

    activation: Activation = "leaky_relu"
    init: Init = "full"
    wiring: Wiring = wiring.random
    backend: Backend | None = None

    def __post_init__(self) -> None:
        check_choice("activation", self.activation, get_args(Activation))
        check_choice("init", self.init, get_args(Init))
        if not callable(self.wiring):
            rule = "must be a function, as wiring.random or make_wiring's"
            raise TypeError(f"wiring={self.wiring!r}: {rule}")


class DendriticLayer(nn.Module):
    """(..., inputs) -> (..., outputs); outputs are neurons, or dendrites where there is no soma.

    Neuron n has the units n D to n D + D - 1 of `synapses`; `weight` (neurons, D) and `bias` are
    of the somas. T I + T + T + N parameters with T = N D, without somas D I + D.

    Source: saurluca/dendritic-computation at 24fc87b.
    Differs: a synapse is stored by its input and its weight, and nothing is stored where there is
    none; of somas too, which makes their cost linear in N and not quadratic.
    """

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        inputs: int,
        neurons: int,
        dendrites: int,
        fan_in: int,
        soma: bool = True,
        *,
        kind: DendriteKind | None = None,
    ) -> None:
        """`dendrites` of each neuron; without a soma, of the whole layer.

        Each has `fan_in` different inputs. Raises ValueError or TypeError if that cannot be.
        """
        super().__init__()
        kind = kind or DendriteKind()
        if not isinstance(soma, bool):
            raise TypeError(f"soma must be True or False: soma={soma!r}")
        check_counts(inputs=inputs, neurons=neurons, dendrites=dendrites, fan_in=fan_in)
        units = neurons * dendrites if soma else dendrites
        live = kind.init == "live"
        index = kind.wiring(units, inputs, fan_in)
        if index.shape != (units, fan_in):
            raise ValueError(f"wiring: must give ({units}, {fan_in}), not {tuple(index.shape)}")
        std = math.sqrt(2 / (fan_in if live else inputs))
        self.activation: Activation = kind.activation
        self.synapses = Synapses(inputs, index, std, kind.backend)
        self.weight: nn.Parameter | None
        self.bias: nn.Parameter | None
        weight = bias = None
        if soma:
            scale = math.sqrt(2 / (dendrites if live else units))
            weight = nn.Parameter(torch.randn(neurons, dendrites) * scale)
            bias = nn.Parameter(torch.zeros(neurons))
        self.register_parameter("weight", weight)
        self.register_parameter("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., inputs) to (..., neurons) or (..., dendrites). Raises ValueError."""
        synapses, held, shape = self.synapses, self._parameters, x.shape
        if len(shape) != 2 or shape[1] != synapses.inputs:
            return input_rows.map_rows(self.forward, x, synapses.inputs)
        soma, soma_bias = held["weight"], held["bias"]
        if soma is None or soma_bias is None:
            return NONLINEARITIES[self.activation].of(synapses(x))
        if _watched(synapses):  # what listens to them must hear them
            return kernels.somas(self.activation, synapses(x), soma, soma_bias)
        tensors = (*synapses.tensors(), soma, soma_bias)
        return kernels.neurons(synapses.choose_backend(x), self.activation, x, *tensors)

    def folded(self, stacked: Stacked) -> nn.Module:
        """Return the module that serves K trials: see `espalier.layers.folded`."""
        synapses = self.synapses.folded(stacked)
        if self.weight is None:
            return FoldedDendrites(synapses, self.activation)
        return FoldedNeurons(synapses, self.activation, stacked.own(self))


def _watched(module: nn.Module) -> bool:
    """Return whether hooks wait for the module to be called."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )
