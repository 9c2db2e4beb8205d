"""Parts of the residual networks: blocks, stages, initial weights.

Source: He et al. 2015, "Deep Residual Learning for Image Recognition", arXiv:1512.03385, figure 5,
table 1 and section 4.2.
Differs: the stride of a bottleneck is in its 3x3 convolution, as in the widely used "v1.5".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

WIDTHS = (64, 128, 256, 512)  # channels inside the blocks of the four stages


def normed(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution without bias and its batch normalisation; same size at stride 1."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


class ResidualBlock(nn.Module, ABC):
    """A residual block: (n, inputs, h, w) -> (n, width * expansion, h / stride, w / stride)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        """Build the branch, and a projection where the shape of its output differs."""
        super().__init__()
        outputs = width * self.expansion
        same = stride == 1 and inputs == outputs
        self.branch = self.layers(inputs, width, stride)
        self.shortcut = nn.Identity() if same else self.projection(inputs, outputs, stride)

    @abstractmethod
    def layers(self, inputs: int, width: int, stride: int) -> nn.Sequential:
        """Return the branch beside the shortcut."""

    def projection(self, inputs: int, outputs: int, stride: int) -> nn.Module:
        """Return the shortcut where the shape changes: (n, inputs, h, w) -> the branch's."""
        return normed(inputs, outputs, 1, stride)

    @override
    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.branch(x) + self.shortcut(x))


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions."""

    @override
    def layers(self, inputs: int, width: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            normed(inputs, width, 3, stride),
            nn.ReLU(),
            normed(width, width, 3),
        )


class PaddedBlock(BasicBlock):
    """A basic block whose shortcut has no parameters: option A of the paper."""

    @override
    def projection(self, inputs: int, outputs: int, stride: int) -> nn.Module:
        return PaddedShortcut(outputs - inputs, stride)


class PaddedShortcut(nn.Module):
    """Every `stride`-th pixel, and `more` channels of zeros behind those that there are."""

    def __init__(self, more: int, stride: int) -> None:
        super().__init__()
        self.more, self.stride = more, stride

    @override
    def forward(self, x: Tensor) -> Tensor:
        kept = x[:, :, :: self.stride, :: self.stride]
        return F.pad(kept, (0, 0, 0, 0, 0, self.more))


class Bottleneck(ResidualBlock):
    """1x1 to fewer channels, 3x3, and 1x1 to four times as many."""

    expansion = 4

    @override
    def layers(self, inputs: int, width: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            normed(inputs, width, 1),
            nn.ReLU(),
            normed(width, width, 3, stride),
            nn.ReLU(),
            normed(width, width * self.expansion, 1),
        )


class ResidualNet(nn.Module):
    """A stem, stages of blocks, the mean over the image and a linear layer.

    (n, channels, h, w) -> (n, classes); each stage after the first halves height and width.
    """

    def __init__(
        self,
        stem: nn.Module,
        block: type[ResidualBlock],
        depths: Sequence[int],
        classes: int,
        widths: Sequence[int] = WIDTHS,
    ) -> None:
        """`depths` are the blocks in each stage, `widths` the channels inside them.

        `stem` has as many output channels as the first width.
        """
        super().__init__()
        self.stem = stem
        self.stages = nn.Sequential()
        inputs = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for place in range(depth):
                stride = 2 if stage > 0 and place == 0 else 1
                self.stages.append(block(inputs, width, stride))
                inputs = width * block.expansion
        self.head = nn.Linear(inputs, classes)
        self.apply(_initialise)

    @override
    def forward(self, x: Tensor) -> Tensor:
        features = self.stages(self.stem(x))  # (n, last width * expansion, h', w')
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits


def small_stem(channels: int, width: int = WIDTHS[0]) -> nn.Module:
    """Return a stem for about 32x32: (n, channels, h, w) -> (n, width, h, w)."""
    return nn.Sequential(normed(channels, width, 3), nn.ReLU())


def large_stem(channels: int) -> nn.Module:
    """Return a stem for about 224x224: (n, channels, h, w) -> (n, 64, h / 4, w / 4)."""
    return nn.Sequential(
        normed(channels, WIDTHS[0], 7, stride=2), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)
    )


def _initialise(module: nn.Module) -> None:
    """Apply He et al. 2015, arXiv:1502.01852: convolutions keep the variance of the gradient."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
