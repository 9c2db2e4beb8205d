"""Fashion-MNIST: articles of clothing, 28x28 grey, 10 classes, 60,000 to train and 10,000 to test.

Source: Xiao, Rasul and Vollgraf 2017, "Fashion-MNIST: a Novel Image Dataset for Benchmarking
Machine Learning Algorithms", arXiv:1708.07747.
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
class FashionMnist(Dataset):
    """With `verify`, only the published files are accepted."""

    shape: ClassVar[Shape | None] = SampleShape(1, 28, 28, 10)

    verify: bool = symbol("DATA_VERIFY")

    @override
    def load(self, data_dir: Path, download: bool) -> RawData:
        from torchvision.datasets import FashionMNIST  # seconds to import: only where it is used

        return load_idx(FashionMNIST, data_dir, download, self.verify)
