"""ResNet-50 of bottleneck blocks, with a stem for small or for large images.

Source: He et al. 2015, "Deep Residual Learning for Image Recognition", arXiv:1512.03385, table 1.
Differs: see `espalier.models.residual`. On three channels and 100 classes 23,705,252 parameters
with the small stem, 23,712,932 with the large one.
"""

from __future__ import annotations

from typing import Literal

from torch import nn
from typing_extensions import override

from espalier.core.contracts import Model
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.models.residual import Bottleneck, ResidualNet, large_stem, small_stem

STEMS = {"small": small_stem, "large": large_stem}


@kconfig_dataclass
class ResNet50(Model):
    """Stages of 3, 4, 6 and 3 bottlenecks, 256 to 2048 channels."""

    stem: Literal["small", "large"]

    @override
    def build(self, shape: SampleShape) -> nn.Module:
        stem = STEMS[self.stem](shape.channels)
        return ResidualNet(stem, Bottleneck, (3, 4, 6, 3), shape.classes)
