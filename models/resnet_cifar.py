"""The ResNets of the CIFAR papers: ResNet-20, 32, 44, 56 and 110.

Source: He et al. 2015, "Deep Residual Learning for Image Recognition", arXiv:1512.03385, section
4.2: a 3x3 stem, three stages of n basic blocks with 16, 32 and 64 channels, shortcuts without
parameters (option A), the mean over the image and a linear layer; 6n + 2 layers. On three channels
and 10 classes 269,722 parameters with 20 layers and 464,154 with 32, which the paper rounds to
0.27M and 0.46M.
Differs: option B, 1x1 projections, as a choice; the width of the first stage is free.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import nn
from typing_extensions import override

from espalier.core.contracts import Model
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.models.residual import BasicBlock, PaddedBlock, ResidualNet, small_stem

BLOCKS = {"padded": PaddedBlock, "projected": BasicBlock}
STAGES = 3
WIDEST = 1024


@kconfig_dataclass
class ResNetCifar(Model):
    """Three stages of `blocks` basic blocks, with `width`, 2 and 4 times `width` channels."""

    free: ClassVar[tuple[str, ...]] = ("width",)

    blocks: int
    width: int
    shortcut: Literal["padded", "projected"]

    @override
    def build(self, shape: SampleShape) -> nn.Module:
        stem, depths = small_stem(shape.channels, self.width), [self.blocks] * STAGES
        return ResidualNet(stem, BLOCKS[self.shortcut], depths, shape.classes, self._widths())

    @override
    def parameters(self, shape: SampleShape) -> int:
        total, inputs = 0, self.width
        for width in self._widths():
            changed = int(width != inputs) * (inputs * width + 2 * width)
            total += changed if self.shortcut == "projected" else 0
            total += 9 * width * (inputs + (2 * self.blocks - 1) * width) + 4 * width * self.blocks
            inputs = width
        stem, head = (9 * shape.channels + 2) * self.width, (inputs + 1) * shape.classes
        return stem + total + head

    @override
    def largest(self, field: str, shape: SampleShape) -> int:
        return WIDEST

    def _widths(self) -> list[int]:
        return [self.width * 2**stage for stage in range(STAGES)]
