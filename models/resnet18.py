"""ResNet-18 with the stem for small images: 3x3 at stride 1 and no pooling.

Source: He et al. 2015, "Deep Residual Learning for Image Recognition", arXiv:1512.03385, table 1.
Differs: the stem, without which a 32x32 image would be 1x1 after the last stage. 11,173,962
parameters on three channels and 10 classes.
"""

from __future__ import annotations

from torch import nn
from typing_extensions import override

from espalier.core.contracts import Model
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.models.residual import BasicBlock, ResidualNet, small_stem


@kconfig_dataclass
class ResNet18(Model):
    """Four stages of two basic blocks, 64 to 512 channels."""

    @override
    def build(self, shape: SampleShape) -> nn.Module:
        return ResidualNet(small_stem(shape.channels), BasicBlock, (2, 2, 2, 2), shape.classes)
