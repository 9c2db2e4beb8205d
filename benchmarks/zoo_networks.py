"""Networks of the zoo on vectors and images, written as their users write them: see zoo.py."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = 5


class AttributeMLP(nn.Module):
    """Layers as attributes, activations in `forward`."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(12, 24)
        self.fc2 = nn.Linear(24, 16)
        self.fc3 = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 12) -> logits (n, 5)."""
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


class NormMLP(nn.Module):
    """A normalisation of the given kind behind each hidden layer."""

    def __init__(self, norm: type[nn.Module], *arguments: int) -> None:
        super().__init__()
        self.fc1, self.norm1 = nn.Linear(12, 24), norm(*arguments, 24)
        self.fc2, self.norm2 = nn.Linear(24, 24), norm(*arguments, 24)
        self.head = nn.Linear(24, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 12) -> logits (n, 5)."""
        x = F.relu(self.norm1(self.fc1(x)))
        x = F.relu(self.norm2(self.fc2(x)))
        return self.head(x)


class LeNet5(nn.Module):
    """LeCun's net on 28 x 28, in the form of most tutorials."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, 28, 28) -> logits (n, 5)."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


class DepthwiseCNN(nn.Module):
    """Depthwise and pointwise convolutions, as MobileNet has them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.pointwise = nn.Conv2d(8, 16, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(16)
        self.fc = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, h, w) -> logits (n, 5)."""
        x = F.relu6(self.stem(x))
        x = F.relu6(self.bn1(self.depthwise(x)))
        x = F.relu6(self.bn2(self.pointwise(x)))
        return self.fc(x.mean((2, 3)))


class ResidualMLP(nn.Module):
    """Two layers beside a short cut."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(12, 16)
        self.up, self.down = nn.Linear(16, 32), nn.Linear(32, 16)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 12) -> logits (n, 5)."""
        x = self.stem(x)
        x = x + self.down(F.gelu(self.up(x)))
        return self.head(x)


class Siamese(nn.Module):
    """One layer applied twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(12, 16)
        self.twice = nn.Linear(16, 16)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 12) -> logits (n, 5)."""
        x = F.relu(self.stem(x))
        return self.head(F.relu(self.twice(F.relu(self.twice(x)))))


class BilinearNet(nn.Module):
    """nn.Bilinear over two branches."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(12, 8), nn.Linear(12, 6)
        self.join = nn.Bilinear(8, 6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 12) -> logits (n, 5)."""
        return self.join(torch.tanh(self.left(x)), torch.tanh(self.right(x)))


class LoRALinear(nn.Linear):
    """A frozen weight, and a trained correction of rank 2 that is added to it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.weight.requires_grad_(False)
        self.lora_a = nn.Parameter(torch.randn(2, inputs) / inputs**0.5)
        self.lora_b = nn.Parameter(torch.zeros(outputs, 2))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs) -> (n, outputs)."""
        return super().forward(x) + x @ self.lora_a.T @ self.lora_b.T


class MaskedLinear(nn.Linear):
    """A weight that is multiplied by a mask of its own, as in MADE."""

    mask: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.register_buffer("mask", (torch.rand(outputs, inputs) < 0.7).float())

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs) -> (n, outputs)."""
        return F.linear(x, self.weight * self.mask, self.bias)


class StandardizedConv2d(nn.Conv2d):
    """Weight standardisation (Qiao et al. 2019): each filter has mean 0 and variance 1."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> (n, filters, h', w')."""
        mean = self.weight.mean((1, 2, 3), keepdim=True)
        deviation = self.weight.std((1, 2, 3), keepdim=True) + 1e-5
        return self._conv_forward(x, (self.weight - mean) / deviation, self.bias)


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, CLASSES)
    )


def sequential_of(linear: type[nn.Linear]) -> nn.Module:
    return nn.Sequential(linear(12, 24), nn.ReLU(), linear(24, 24), nn.ReLU(), nn.Linear(24, 5))


def conv1d() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(4, 8, 5, padding=2),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Conv1d(8, 16, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(16, CLASSES),
    )


def conv3d() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool3d(2),
        nn.Conv3d(6, 8, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
        nn.Linear(8, CLASSES),
    )


def autoencoder() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 12, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(12, 8, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1),
    )


def standardized_cnn() -> nn.Module:
    return nn.Sequential(
        StandardizedConv2d(3, 8, 3),
        nn.GroupNorm(2, 8),
        nn.ReLU(),
        StandardizedConv2d(8, 12, 3),
        nn.GroupNorm(2, 12),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(12, CLASSES),
    )


def frozen_backbone() -> nn.Module:
    model = AttributeMLP()
    model.fc1.requires_grad_(False)
    return model


def shared_layers() -> nn.Module:
    """One module in two places, and one parameter in two modules."""
    inner = nn.Linear(16, 16)
    model = nn.Sequential(
        nn.Linear(12, 16), nn.ReLU(), inner, nn.ReLU(), inner, nn.ReLU(), nn.Linear(16, 16)
    )
    model[6].weight = inner.weight
    return nn.Sequential(*model, nn.ReLU(), nn.Linear(16, CLASSES))
