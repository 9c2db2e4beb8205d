"""Samples at random in the shapes and numbers of a data set whose files are not here.

They teach nothing; a step over them takes as long as over real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from typing_extensions import override

from espalier.core.contracts import Dataset
from espalier.core.errors import UserError
from espalier.core.samples import RawData, RawText, SampleShape, Shape, TokenShape
from espalier.core.trial_config import Config
from espalier.datasets import sample_counts
from espalier.datasets.sample_counts import ImageCounts, SampleCounts, TextCounts

STAND_IN = "RANDOM_SAMPLES"
"""The setting that asks for them."""


def stand_in(dataset: Dataset, config: Config, data_dir: Path) -> Dataset:
    """Return random samples in place of `dataset`. Raises UserError if its size is unknown."""
    match _count(config, data_dir), dataset.shape:
        case ImageCounts() as images, SampleShape() as shape:
            return RandomImages(shape, images)
        case TextCounts() as text, None if text.kinds:
            return RandomText(text)
    raise UserError(f"{type(dataset).__name__}: its size is not known without its files")


def _count(config: Config, data_dir: Path) -> SampleCounts | None:
    return sample_counts.count(config.read("DATASET", str), config.values(), data_dir)


@dataclass(frozen=True)
class RandomImages(Dataset):
    """Images of random bytes, of all classes in turn."""

    like: SampleShape
    counts: ImageCounts

    @override
    def load(self, data_dir: Path, download: bool) -> RawData:
        del data_dir, download
        (train_x, train_y), (test_x, test_y) = map(
            self._part, (self.counts.train, self.counts.test)
        )
        return RawData(train_x, train_y, test_x, test_y, self.like.classes)

    def _part(self, samples: int) -> tuple[torch.Tensor, torch.Tensor]:
        size = (samples, self.like.channels, self.like.height, self.like.width)
        generator = torch.Generator().manual_seed(samples)
        x = torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)
        return x, torch.arange(samples) % self.like.classes

    @override
    def shifted(self) -> Dataset:
        return self


@dataclass(frozen=True)
class RandomText(Dataset):
    """Random characters of as many kinds."""

    holds: ClassVar[type[Shape]] = TokenShape

    counts: TextCounts

    @override
    def load(self, data_dir: Path, download: bool) -> RawText:
        del data_dir, download
        generator = torch.Generator().manual_seed(0)
        codes = torch.randint(0, self.counts.kinds, (self.counts.characters,), generator=generator)
        test = self.counts.parts(0.0)[2]
        symbols = "".join(chr(ord("0") + code) for code in range(self.counts.kinds))
        stride = self.counts.stride or self.counts.context
        cut = len(codes) - test
        return RawText(codes[:cut], codes[cut:], symbols, self.counts.context, stride, 0.0)

    @override
    def shifted(self) -> Dataset:
        return self
