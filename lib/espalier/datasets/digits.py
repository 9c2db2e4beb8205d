"""Handwritten digits of 8x8 pixels that ship with scikit-learn: nothing to download.

1,797 grey images of 13 writers, 174 to 183 a class. Pixels count 0..16 and are scaled to 0..1.
Source: Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits" (UCI), its test part.
Differs: the test set is every fifth image of each class in the order of the file, 355 in all, so
that it is the same on every machine and depends on no random generator; training gets 1,442.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from espalier.contracts import Dataset, RawData
from espalier.train.stratify import members_of_classes

PIXEL_MAX = 16
TEST_EVERY = 5


@dataclass(frozen=True)
class Digits(Dataset):
    """8x8x1, 10 classes."""

    def load(self, data_dir: Path, download: bool) -> RawData:
        """See `Dataset.load`; reads nothing from `data_dir`."""
        from sklearn.datasets import load_digits  # 3 s to import: only where it is used

        bunch = load_digits()
        x = torch.from_numpy(bunch.images).float().unsqueeze(1) / PIXEL_MAX  # (1797, 1, 8, 8)
        y = torch.from_numpy(bunch.target).long()  # (1797,)
        test = _every_nth_of_class(y, TEST_EVERY)
        return RawData(x[~test], y[~test], x[test], y[test], classes=len(bunch.target_names))


def _every_nth_of_class(y: Tensor, n: int) -> Tensor:
    """Mask (len(y),) of the last of each `n` consecutive samples of a class."""
    chosen = torch.zeros(len(y), dtype=torch.bool)
    for members in members_of_classes(y):
        chosen[members[n - 1 :: n]] = True
    return chosen
