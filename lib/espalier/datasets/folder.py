"""Images of the user's own in folders, a folder a class.

Classes are in the order of their names. Without a folder `test/` beside `train/`, the test set is
every fifth image of each class in the order of the files' names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from typing_extensions import override

from espalier.core.contracts import Dataset
from espalier.core.samples import RawData
from espalier.datasets.files.class_folders import class_folders
from espalier.datasets.files.image_files import ImageReader
from espalier.datasets.stratified_split import cut_test
from espalier.kconfig.config_dataclass import kconfig_dataclass

MODES = {"rgb": "RGB", "grey": "L"}


@kconfig_dataclass
class Folder(Dataset):
    """All images have one size, or are resized to `side` pixels a side (0: as they are)."""

    path: str
    colours: Literal["rgb", "grey"]
    side: int

    @override
    def load(self, data_dir: Path, download: bool) -> RawData:
        """Read the images; nothing is ever downloaded."""
        folders = class_folders(self.path, data_dir)
        counts = folders.count()
        parts = (folders.train, folders.test)
        files = [path for part in parts for group in part.values() for path in group]
        x = torch.from_numpy(ImageReader(MODES[self.colours], self.side).read_all(files))
        y, test_y = (torch.tensor(folders.labels(part), dtype=torch.int64) for part in parts)
        if not folders.test:
            return cut_test(x, y, counts.classes)
        return RawData(x[: len(y)], y, x[len(y) :], test_y, counts.classes)
