"""LeNet-5 with batch normalisation, on 32x32 images.

Source: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
recognition".
Differs: full connections in the second convolution, batch normalisation, ReLU, max-pooling and a
linear output layer, as is usual today. 61,750 parameters on one channel and 10 classes.
"""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from espalier.core.contracts import Model
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class LeNet5(Model):
    """Two convolutions, each halved by pooling, and three fully connected layers."""

    input_size: ClassVar[int | None] = 32

    def build(self, shape: SampleShape) -> nn.Module:
        """Build the network for images of 16 pixels a side or more. Shapes are for 32x32."""
        flat = 16 * _after_both(shape.height) * _after_both(shape.width)
        return nn.Sequential(
            *_stage(shape.channels, 6),  # (n, channels, 32, 32) -> (n, 6, 14, 14)
            *_stage(6, 16),  # -> (n, 16, 5, 5)
            nn.Flatten(),  # -> (n, 400)
            nn.Linear(flat, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, shape.classes),  # -> (n, classes)
        )


def _stage(inputs: int, outputs: int) -> list[nn.Module]:
    """Return layers (n, inputs, h, w) -> (n, outputs, (h - 4) // 2, (w - 4) // 2)."""
    convolution = nn.Conv2d(inputs, outputs, kernel_size=5)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]


def _after_both(pixels: int) -> int:
    """Return the pixels a side after both stages."""
    return ((pixels - 4) // 2 - 4) // 2
