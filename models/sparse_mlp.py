"""A multilayer perceptron with one hidden layer, each of its units connected to a few inputs.

The control of dendritic models: as many live parameters and as sparse, without their structure.
Source: Mocanu et al. 2018, "Scalable training of artificial neural networks with adaptive sparse
connectivity inspired by network science" (sparse from the start).
Differs: every unit has the same number of inputs; only `PRUNING_METHOD` can move them.
"""

from __future__ import annotations

from typing import ClassVar

from torch import nn
from typing_extensions import override

from espalier.core.contracts import Model
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.dendrites import wiring
from espalier.layers.dendrites.nonlinear import SLOPE
from espalier.layers.dendrites.synapses import Synapses
from espalier.models.dendritic import check_fan_in

WIDEST = 65536


@kconfig_dataclass
class SparseMlp(Model):
    """W units of I inputs, then C classes: W I + W + W C + C parameters."""

    free: ClassVar[tuple[str, ...]] = ("width", "inputs")

    width: int
    inputs: int

    def build(self, shape: SampleShape) -> nn.Module:
        """Build the network. Raises CannotTrain for more inputs of a unit than there are.

        Fresh weights have the variance that those of dendrites have by default.
        """
        check_fan_in("SPARSE_MLP_INPUTS", self.inputs, shape)
        index = wiring.random(self.width, shape.inputs, self.inputs, None)
        return nn.Sequential(
            nn.Flatten(),  # (n, channels, height, width) -> (n, inputs)
            Synapses(shape.inputs, index),  # -> (n, width)
            nn.LeakyReLU(SLOPE),
            nn.Linear(self.width, shape.classes),  # -> (n, classes)
        )

    @override
    def parameters(self, shape: SampleShape) -> int:
        check_fan_in("SPARSE_MLP_INPUTS", self.inputs, shape)
        return self.width * (self.inputs + 1 + shape.classes) + shape.classes

    @override
    def largest(self, field: str, shape: SampleShape) -> int:
        return shape.inputs if field == "inputs" else WIDEST
