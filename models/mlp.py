"""A multilayer perceptron: hidden layers of one width, ReLU between them.

Source: Rumelhart, Hinton and Williams 1986, "Learning representations by back-propagating errors".
Differs: ReLU in place of the logistic function.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from espalier.contracts import Model, SampleShape


@dataclass(frozen=True)
class Mlp(Model):
    """`layers` hidden layers of `width` units; images are flattened."""

    width: int = 128
    layers: int = 2

    def build(self, shape: SampleShape) -> nn.Module:
        """See `Model.build`."""
        inputs = shape.channels * shape.height * shape.width
        widths = [inputs] + [self.width] * self.layers
        net = nn.Sequential(nn.Flatten())  # (n, channels, height, width) -> (n, inputs)
        for before, after in pairwise(widths):
            net.extend([nn.Linear(before, after), nn.ReLU()])  # (n, before) -> (n, width)
        net.append(nn.Linear(widths[-1], shape.classes))  # (n, width) -> (n, classes)
        return net
