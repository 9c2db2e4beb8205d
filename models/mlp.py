"""A multilayer perceptron: hidden layers of one width, activations between them.

Source: Rumelhart, Hinton and Williams 1986, "Learning representations by back-propagating errors".
Differs: ReLU, or concatenated ReLU, in place of the logistic function; layer normalisation (Ba,
Kiros and Hinton 2016, arXiv:1607.06450) before it as a choice, as in Lyle et al. 2023,
"Understanding plasticity in neural networks", arXiv:2303.01486.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import nn
from typing_extensions import override

from espalier.core.contracts import Model
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.concatenated_relu import ConcatenatedReLU

WIDEST = 65536


@kconfig_dataclass
class Mlp(Model):
    """`layers` hidden layers of `width` units; images are flattened.

    Of concatenated ReLU each unit makes two inputs of the next layer.
    """

    free: ClassVar[tuple[str, ...]] = ("width",)

    width: int
    layers: int
    activation: Literal["relu", "crelu"]
    layer_norm: bool

    @override
    def build(self, shape: SampleShape) -> nn.Module:
        widths = self._widths(shape)
        net = nn.Sequential(nn.Flatten())  # (n, channels, height, width) -> (n, inputs)
        for before in widths[:-1]:
            net.extend(self._hidden(before))  # (n, before) -> (n, width), or twice that
        net.append(nn.Linear(widths[-1], shape.classes))  # -> (n, classes)
        return net

    def _hidden(self, inputs: int) -> list[nn.Module]:
        norms: list[nn.Module] = [nn.LayerNorm(self.width)] if self.layer_norm else []
        activation = nn.ReLU() if self.activation == "relu" else ConcatenatedReLU()
        return [nn.Linear(inputs, self.width), *norms, activation]

    @override
    def parameters(self, shape: SampleShape) -> int:
        inputs, norm = self._widths(shape), 2 * self.width if self.layer_norm else 0
        hidden = sum((a + 1) * self.width + norm for a in inputs[:-1])
        return hidden + (inputs[-1] + 1) * shape.classes

    @override
    def largest(self, field: str, shape: SampleShape) -> int:
        return WIDEST

    def _widths(self, shape: SampleShape) -> list[int]:
        """Return what each linear layer gets."""
        made = self.width if self.activation == "relu" else 2 * self.width
        return [shape.inputs] + [made] * self.layers
