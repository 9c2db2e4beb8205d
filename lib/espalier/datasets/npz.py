"""Images, or rows of numbers, of the user's own in an archive that `numpy.savez` wrote.

It holds `x` and `y`, and both or none of `x_test` and `y_test`. Without those, the test set is
every fifth sample of each class in the order of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Dataset
from espalier.core.errors import UserError
from espalier.core.samples import RawData
from espalier.datasets.files.npz_arrays import TEST_X, NpzFile, X, count_classes, npz_file
from espalier.datasets.stratified_split import cut_test
from espalier.kconfig.config_dataclass import kconfig_dataclass

COLOURS = (1, 3)
"""Channels of images; where only the other axis has so many, the axes are taken for swapped."""


@kconfig_dataclass
class Npz(Dataset):
    """uint8 in 0..255 or floats: (n, values), (n, height, width), or with channels."""

    file: str
    channels: Literal["last", "first"]

    @override
    def load(self, data_dir: Path, download: bool) -> RawData:
        """Read the archive; nothing is ever downloaded."""
        archive = npz_file(self.file, data_dir)
        y, test_y = archive.read_labels()
        classes = count_classes(y)
        x = self._images(archive, X, len(y))
        if test_y is None:
            return cut_test(x, torch.from_numpy(y), classes)
        test_x = self._images(archive, TEST_X, len(test_y))
        if (test_x.shape[1:], test_x.dtype) != (x.shape[1:], x.dtype):
            raise UserError(
                f"{archive.path}: array {TEST_X}: is {_kind(test_x)}, {X} is {_kind(x)}; both must "
                "be alike"
            )
        return RawData(x, torch.from_numpy(y), test_x, torch.from_numpy(test_y), classes)

    def _images(self, archive: NpzFile, name: str, labels: int) -> Tensor:
        """Return an array as images (n, channels, height, width), uint8 or float32."""
        place = f"{archive.path}: array {name}:"
        array = archive.read(name)
        if not 2 <= array.ndim <= 4 or 0 in array.shape:
            raise UserError(
                f"{place} its shape is {array.shape}; must be (n, values), (n, height, width), or "
                "that with channels"
            )
        if len(array) != labels:
            raise UserError(f"{place} holds {len(array)} samples, and there are {labels} labels")
        images = self._with_channels(_numbers(array, place), place)
        return torch.from_numpy(np.ascontiguousarray(images))

    def _with_channels(self, array: NDArray[Any], place: str) -> NDArray[Any]:
        """Return (n, channels, height, width) of an array of two to four dimensions."""
        if array.ndim < 4:
            n, *rows, width = array.shape
            return array.reshape(n, 1, *(rows or [1]), width)
        at, other = (3, 1) if self.channels == "last" else (1, 3)
        if array.shape[at] not in COLOURS and array.shape[other] in COLOURS:
            swapped = "FIRST" if self.channels == "last" else "LAST"
            raise UserError(
                f"{place} its shape is {array.shape}, and the channels are to be {self.channels}; "
                f"set CONFIG_NPZ_CHANNELS_{swapped}=y"
            )
        return array.transpose(0, 3, 1, 2) if self.channels == "last" else array


def _numbers(array: NDArray[Any], place: str) -> NDArray[Any]:
    """Return uint8 as it is and floats as float32. Raises UserError for others, and for NaN."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise UserError(
            f"{place} is {array.dtype}; must be uint8 in 0..255 or a float, which is not scaled: "
            'save it with .astype("uint8") or .astype("float32")'
        )
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
        numbers = array.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise UserError(f"{place} holds a number that is not finite as float32")
    return numbers


def _kind(x: Tensor) -> str:
    return f"{str(x.dtype).removeprefix('torch.')} of shape (n, {', '.join(map(str, x.shape[1:]))})"
