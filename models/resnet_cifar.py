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

from espalier.core.contracts import CannotTrain, Model
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.models.residual import BasicBlock, PaddedBlock, ResidualNet, small_stem

BLOCKS = {"padded": PaddedBlock, "projected": BasicBlock}
STAGES = 3
WIDEST = 4096


@kconfig_dataclass
class ResNetCifar(Model):
    """Three stages of (depth - 2) / 6 basic blocks, `width`, 2 and 4 times `width` channels."""

    free: ClassVar[tuple[str, ...]] = ("width",)

    depth: int
    width: int
    shortcut: Literal["padded", "projected"]

    @override
    def build(self, shape: SampleShape) -> nn.Module:
        blocks, rest = divmod(self.depth - 2, 2 * STAGES)
        if rest or not blocks:
            raise CannotTrain(
                "depth",
                f"CONFIG_RESNET_CIFAR_DEPTH={self.depth}: must be 6n + 2, such as 20, 32, 44 or 56",
            )
        widths = [self.width * 2**stage for stage in range(STAGES)]
        stem, depths = small_stem(shape.channels, self.width), [blocks] * STAGES
        return ResidualNet(stem, BLOCKS[self.shortcut], depths, shape.classes, widths)

    @override
    def largest(self, field: str, shape: SampleShape) -> int:
        return WIDEST
