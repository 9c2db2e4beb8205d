"""Base of the dendritic models: their symbols, their parts, and their exact size."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

from torch import nn
from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain, Model
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.dendrites.dendritic_layer import DendriteKind, DendriticLayer
from espalier.layers.dendrites.nonlinear import SLOPE, Activation
from espalier.layers.dendrites.wiring import WiringKind, make_wiring


@kconfig_dataclass
class Dendritic(Model):
    """A dendritic layer on flattened images, and fully connected layers of `widths` behind it."""

    free: ClassVar[tuple[str, ...]] = ("inputs",)

    neurons: int | None = symbol("DENDRITES_NEURONS")
    dendrites: int = symbol("DENDRITES_PER_NEURON")
    inputs: int | None = symbol("DENDRITES_INPUTS")  # of a dendrite; None: all
    soma: bool | None = symbol("DENDRITES_SOMA")
    activation: Activation = symbol("DENDRITES_ACTIVATION")
    wiring: WiringKind = symbol("DENDRITES_WIRING")
    spread: float | None = symbol("DENDRITES_SPREAD")
    init: Literal["full", "live"] = symbol("DENDRITES_INIT")

    @property
    def has_soma(self) -> bool:
        """Whether the layer has somas; without them it ends at its dendrites."""
        return bool(self.soma)

    def widths(self) -> tuple[int, ...]:
        """Return the units of the layers between the dendritic layer and the output."""
        return ()

    def build(self, shape: SampleShape) -> nn.Module:
        """Build the network. Raises CannotTrain for more inputs of a dendrite than there are."""
        net = nn.Sequential(nn.Flatten(), self._layer(shape))  # (n, c, h, w) -> (n, outputs)
        for before, after in pairwise((self._outputs, *self.widths())):
            net.extend([nn.Linear(before, after), nn.LeakyReLU(SLOPE)])
        net.append(nn.Linear((self._outputs, *self.widths())[-1], shape.classes))
        return net

    @override
    def parameters(self, shape: SampleShape) -> int:
        chain = pairwise((self._outputs, *self.widths(), shape.classes))
        return self._in_layer(self._fan_in(shape)) + sum(a * b + b for a, b in chain)

    @override
    def largest(self, field: str, shape: SampleShape) -> int:
        return shape.inputs

    @property
    def _outputs(self) -> int:
        return (self.neurons or 0) if self.has_soma else self.dendrites

    def _in_layer(self, fan_in: int) -> int:
        """Return T I + T, and with somas T + N, where the layer has T dendrites."""
        units = self._outputs * self.dendrites if self.has_soma else self.dendrites
        return units * fan_in + units + (units + self._outputs if self.has_soma else 0)

    def _fan_in(self, shape: SampleShape) -> int:
        if self.wiring == "full" or self.inputs is None:
            return shape.inputs
        check_fan_in("DENDRITES_INPUTS", self.inputs, shape)
        return self.inputs

    def _layer(self, shape: SampleShape) -> DendriticLayer:
        fan_in = self._fan_in(shape)
        pixels = (shape.channels, shape.height, shape.width)
        drawn = make_wiring(self.wiring, pixels, 0.5 if self.spread is None else self.spread)
        kind = DendriteKind(self.activation, self.init, drawn)
        sizes = (shape.inputs, self._outputs, self.dendrites, fan_in)
        return DendriticLayer(*sizes, self.has_soma, kind=kind)


def check_fan_in(name: str, fan_in: int, shape: SampleShape) -> None:
    """Raise CannotTrain unless units can have so many different inputs each."""
    if fan_in > shape.inputs:
        raise CannotTrain(
            "fan_in", f"CONFIG_{name}={fan_in}: must be at most the data's {shape.inputs} inputs"
        )
