"""Handwritten digits of 8x8 pixels that ship with scikit-learn: nothing to download.

1,797 grey images of 13 writers, 174 to 183 a class. Pixels count 0..16 and are scaled to 0..1.
Source: Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits" (UCI), its test part.
Differs: the test set is every fifth image of each class in the order of the file, 355 in all, so
that it is the same on every machine and depends on no random generator; training gets 1,442.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from typing_extensions import override

from espalier.core.contracts import Dataset
from espalier.core.errors import UserError
from espalier.core.samples import RawData, SampleShape, Shape
from espalier.core.texts.program_name import how_to_install
from espalier.datasets.stratified_split import cut_test
from espalier.kconfig.config_dataclass import kconfig_dataclass

CLASSES = 10
PIXEL_MAX = 16


@kconfig_dataclass
class Digits(Dataset):
    """8x8x1, 10 classes."""

    shape: ClassVar[Shape | None] = SampleShape(1, 8, 8, CLASSES)

    @override
    def load(self, data_dir: Path, download: bool) -> RawData:
        table = torch.from_numpy(np.loadtxt(_file(), delimiter=",", dtype=np.float32))
        x = table[:, :-1].reshape(-1, 1, 8, 8) / PIXEL_MAX  # (1797, 1, 8, 8)
        y = table[:, -1].long()  # (1797,)
        return cut_test(x, y, CLASSES)


def _file() -> Path:
    """Return the path of scikit-learn's table, without importing it, which takes seconds."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise UserError(
            f"scikit-learn, which ships the digits, is not installed; run {how_to_install('train')}"
        )
    return Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
