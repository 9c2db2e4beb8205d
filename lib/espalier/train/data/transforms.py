"""Preparation of raw samples for a model: float32, scaled, normalised, resized."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK = 1024  # samples that are prepared at a time, to need little memory besides the result


@dataclass(frozen=True)
class Normalization:
    """The mean and deviation of each channel after scaling; None where nothing is normalised."""

    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None


@dataclass(frozen=True)
class Preparation:
    """Scaling to 0..1, normalising if there are `mean` and `std` (1, channels, 1, 1), resizing.

    Each sample is prepared by itself, so it comes out the same, bit for bit, in any batch.
    """

    mean: Tensor | None
    std: Tensor | None
    size: int | None  # pixels a side; None: as they are

    @classmethod
    def of(cls, train_x: Tensor, normalize: bool, size: int | None) -> Preparation:
        """Return the preparation that normalises by raw training samples (n, channels, h, w)."""
        mean, std = channel_statistics(train_x) if normalize else (None, None)
        return cls(mean, std, size)

    @classmethod
    def by(cls, numbers: Normalization, size: int | None) -> Preparation:
        """Return the preparation that normalises by given numbers."""
        return cls(_per_channel(numbers.mean), _per_channel(numbers.std), size)

    def to(self, device: torch.device) -> Preparation:
        """Return the same preparation for samples on `device`."""
        if self.mean is None or self.std is None:
            return self
        return replace(self, mean=self.mean.to(device), std=self.std.to(device))

    def __call__(self, x: Tensor) -> Tensor:
        """Prepare raw samples (n, channels, h, w), uint8 or float32."""
        x = scale_to_unit(x)
        if self.mean is not None and self.std is not None:
            x = (x - self.mean) / self.std
        return _resize(x, self.size)

    def shape(self, x: Tensor) -> tuple[int, int, int, int]:
        """Return the shape of `x` when prepared: samples, channels, height, width."""
        n, channels, height, width = x.shape
        return (n, channels, self.size or height, self.size or width)

    def prepare_all(self, x: Tensor, device: torch.device) -> Tensor:
        """Prepare all samples of `x` on `device`, a chunk at a time."""
        out = torch.empty(self.shape(x), device=device)
        there = self.to(device)
        for start in range(0, len(x), CHUNK):
            out[start : start + CHUNK] = there(x[start : start + CHUNK].to(device))
        return out


def _per_channel(numbers: tuple[float, ...] | None) -> Tensor | None:
    return None if numbers is None else torch.tensor(numbers).view(1, -1, 1, 1)


def channel_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each channel, (1, channels, 1, 1) float32 in 0..1.

    `x` is (n, channels, height, width), uint8 or float. The deviation is that of the population;
    a constant channel gets 1, so that it becomes 0.
    """
    if x.dtype == torch.uint8:
        mean, std = _of_counts(x)
    else:
        std, mean = torch.std_mean(x.double(), dim=(0, 2, 3), correction=0, keepdim=True)
    return mean.float(), torch.where(std > 0, std, 1.0).float()


def _of_counts(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation from counts of the 256 values, without a copy as float64."""
    counts = torch.stack([part.flatten().bincount(minlength=256) for part in x.unbind(1)]).double()
    share = counts / counts.sum(1, keepdim=True)  # (channels, 256)
    values = scale_to_unit(torch.arange(256, dtype=torch.uint8)).double()
    mean = (share * values).sum(1, keepdim=True)
    std = (share * (values - mean) ** 2).sum(1, keepdim=True).sqrt()
    constant = (counts > 0).sum(1, keepdim=True) == 1  # where rounding may leave a trace
    return mean[None, :, :, None], torch.where(constant, 0.0, std)[None, :, :, None]


def scale_to_unit(x: Tensor) -> Tensor:
    """Return samples as float32 in 0..1; float samples are not scaled."""
    return x.float() / 255 if x.dtype == torch.uint8 else x.float()


def _resize(x: Tensor, size: int | None) -> Tensor:
    """Resize `x` (n, channels, height, width) to (n, channels, size, size)."""
    if size is None or x.shape[2:] == (size, size):
        return x
    return F.interpolate(x, (size, size), mode="bilinear", antialias=True)
