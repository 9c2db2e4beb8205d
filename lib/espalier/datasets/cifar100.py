"""CIFAR-100: photographs, 32x32 in colour, 100 classes, 50,000 to train and 10,000 to test.

Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
Differs: the 100 fine labels only.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.contracts import Dataset
from espalier.core.samples import RawData, SampleShape, Shape
from espalier.datasets.files.pickled_batches import load_batches
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class Cifar100(Dataset):
    """With `verify`, only the published files are accepted."""

    shape: ClassVar[Shape | None] = SampleShape(3, 32, 32, 100)

    verify: bool = symbol("DATA_VERIFY")

    @override
    def load(self, data_dir: Path, download: bool) -> RawData:
        from torchvision.datasets import CIFAR100  # seconds to import: only where it is used

        return load_batches(CIFAR100, data_dir, download, self.verify)
