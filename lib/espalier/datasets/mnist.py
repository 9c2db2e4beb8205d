"""MNIST: handwritten digits, 28x28 grey, 10 classes, 60,000 to train and 10,000 to test.

Source: LeCun, Cortes and Burges 1998, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.contracts import Dataset
from espalier.core.samples import RawData, SampleShape, Shape
from espalier.datasets.files.idx_files import load_idx
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class Mnist(Dataset):
    """With `verify`, only the published files are accepted."""

    shape: ClassVar[Shape | None] = SampleShape(1, 28, 28, 10)

    verify: bool = symbol("DATA_VERIFY")

    @override
    def load(self, data_dir: Path, download: bool) -> RawData:
        from torchvision.datasets import MNIST  # seconds to import: only where it is used

        return load_idx(MNIST, data_dir, download, self.verify)
