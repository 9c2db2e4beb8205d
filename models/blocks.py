"""A multilayer perceptron of masked blocks: sparse from the start, with forward skips if wanted.

Source: Mocanu et al. 2018, "Scalable training of artificial neural networks with adaptive sparse
connectivity inspired by network science", for random sparse layers.
Differs: the number of edges of each block is exact, and any two layers can be connected.
"""

from __future__ import annotations

from typing import Literal

from torch import nn

from espalier.core.contracts import CannotTrain, Model
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.masked_blocks import Blocks, chain, edges


@kconfig_dataclass
class SparseBlocks(Model):
    """Hidden layers of `sizes`, ReLU between them; images are flattened.

    A block leads from each layer to the next, and to the `skips` layers behind that one; `density`
    of the edges of each is there, and no others are parameters. Growing them is for methods.
    """

    sizes: str
    density: float
    skips: int
    init: Literal["full", "live"]

    def build(self, shape: SampleShape) -> nn.Module:
        """Build the network. Raises CannotTrain for invalid sizes."""
        sizes = self._sizes(shape)
        net = Blocks(sizes, chain(len(sizes), self.skips + 1))
        net.draw(self.density, self.init)
        return net

    def parameters(self, shape: SampleShape) -> int:
        """Return live edges and biases, in closed form."""
        sizes = self._sizes(shape)
        pairs = chain(len(sizes), self.skips + 1)
        return sum(edges(self.density, sizes[i] * sizes[j]) for i, j in pairs) + sum(sizes[1:])

    def _sizes(self, shape: SampleShape) -> list[int]:
        hidden = [part.strip() for part in self.sizes.split(",") if self.sizes.strip()]
        if not all(part.isdecimal() and int(part) > 0 for part in hidden):
            raise CannotTrain(
                "sizes",
                f"CONFIG_BLOCKS_SIZES={self.sizes!r}: must be whole numbers above 0 with commas "
                "between, such as 64,64",
            )
        return [shape.inputs, *map(int, hidden), shape.classes]
