"""A multilayer perceptron: hidden layers of one width, ReLU between them.

Source: Rumelhart, Hinton and Williams 1986, "Learning representations by back-propagating errors".
Differs: ReLU in place of the logistic function.
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from torch import nn
from typing_extensions import override

from espalier.core.contracts import Model
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import kconfig_dataclass

WIDEST = 65536


@kconfig_dataclass
class Mlp(Model):
    """`layers` hidden layers of `width` units; images are flattened."""

    free: ClassVar[tuple[str, ...]] = ("width",)

    width: int
    layers: int

    @override
    def build(self, shape: SampleShape) -> nn.Module:
        widths = self._widths(shape)
        net = nn.Sequential(nn.Flatten())  # (n, channels, height, width) -> (n, inputs)
        for before, after in pairwise(widths):
            net.extend([nn.Linear(before, after), nn.ReLU()])  # (n, before) -> (n, width)
        net.append(nn.Linear(widths[-1], shape.classes))  # (n, width) -> (n, classes)
        return net

    @override
    def parameters(self, shape: SampleShape) -> int:
        return sum(a * b + b for a, b in pairwise([*self._widths(shape), shape.classes]))

    @override
    def largest(self, field: str, shape: SampleShape) -> int:
        return WIDEST

    def _widths(self, shape: SampleShape) -> list[int]:
        return [shape.inputs] + [self.width] * self.layers
