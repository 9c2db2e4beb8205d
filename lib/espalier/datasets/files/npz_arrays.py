"""The arrays of an archive that `numpy.savez` wrote: `x`, `y`, and both or none of the test's.

Only arrays of numbers are read, and no pickle ever: what an archive holds runs nothing. The header
of an array is compared with its bytes before there is memory for it. Nothing here imports torch, so
that a plan can count labels.

Source: numpy.lib.format, "The .npy format", versions 1.0 and 2.0, in a ZIP archive.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from espalier.core.errors import UserError
from espalier.datasets.files.damaged_files import DAMAGE, describe_damage
from espalier.datasets.files.own_path import own_path
from espalier.datasets.sample_counts import ImageCounts, without_test

X, Y, TEST_X, TEST_Y = "x", "y", "x_test", "y_test"
UNREADABLE = (*DAMAGE, OSError, tokenize.TokenError, zipfile.BadZipFile)
"""What a file raises that is no such archive; numpy takes some headers for Python 2's."""
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True)
class NpzFile:
    """An archive of arrays. Every method raises UserError, in one line with the file and array."""

    path: Path

    def read(self, name: str) -> NDArray[Any]:
        """Return an array of numbers by its name."""
        with self._opened() as archive, self._named(name):
            member = archive.getinfo(f"{name}.npy")
            with archive.open(member) as file:
                _check_header(file, member.file_size)
            with archive.open(member) as file:
                return np.asarray(npy.read_array(file, allow_pickle=False))

    def has_test(self) -> bool:
        """Return whether there is a test part; `x` and `y` must be there."""
        with self._opened() as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
        if not {X, Y} <= set(names) or (TEST_X in names) != (TEST_Y in names):
            raise UserError(
                f"{self.path}: holds {', '.join(sorted(names)) or 'nothing'}; must hold the arrays "
                f"{X} and {Y}, and both or none of {TEST_X} and {TEST_Y}"
            )
        return TEST_X in names

    def read_labels(self) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
        """Return the labels (n,) and those of the test, if it has some of its own.

        Classes are counted from 0, and each has a sample that is not of the test.
        """
        has_test = self.has_test()
        y = self._integers(Y)
        self._require_classes(y)
        if not has_test:
            self._require_test(y)
            return y, None
        test = self._integers(TEST_Y)
        if len(test) == 0 or test.min() < 0 or test.max() > y.max():
            raise self._error(
                TEST_Y, f"must hold labels in 0..{y.max()}, the classes of {Y}, and one at least"
            )
        return y, test

    def count(self) -> ImageCounts:
        """Return how many samples there are, from the labels alone."""
        y, test = self.read_labels()
        if test is None:
            return without_test(np.bincount(y).tolist())
        return ImageCounts(len(y), count_classes(y), len(test))

    def _integers(self, name: str) -> NDArray[np.int64]:
        labels = self.read(name)
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise self._error(
                name, f"is {labels.dtype} of shape {labels.shape}; must be one integer a sample"
            )
        if labels.dtype.kind == "u" and labels.size and labels.max() > np.iinfo(np.int64).max:
            raise self._error(name, f"a label is {labels.max()}: is no class")
        return labels.astype(np.int64)

    def _require_classes(self, y: NDArray[np.int64]) -> None:
        """Raise UserError unless labels are 0, 1, 2 and so on, two at least and none left out."""
        classes = np.unique(y)
        gaps = np.flatnonzero(classes != np.arange(len(classes)))
        if len(gaps):
            what = f"no sample has label {gaps[0]}, and one has {classes[gaps[0]]}"
        elif len(classes) < 2:
            what = f"holds {len(classes)} class{'es' * (len(classes) != 1)}"
        else:
            return
        raise self._error(
            Y, f"{what}; labels must be 0, 1, 2 and so on, each with a sample, two or more"
        )

    def _require_test(self, y: NDArray[np.int64]) -> None:
        """Raise UserError if no class has enough samples to leave some for the test."""
        if without_test(np.bincount(y).tolist()).test == 0:
            raise self._error(
                Y, f"no class has samples enough to leave one in five for a test; add {TEST_X}"
            )

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        """Open the archive; what is no file at all, such as a pipe, is not waited for."""
        try:
            if self.path.exists() and not self.path.is_file():
                raise UserError(f"{self.path}: is no file; put an archive of numpy.savez there")
            archive = zipfile.ZipFile(self.path)
        except FileNotFoundError:
            raise UserError(
                f"{self.path}: no such file; put the archive there: it is never downloaded"
            ) from None
        except UNREADABLE as error:
            raise UserError(
                f"{self.path}: is no archive that numpy.savez wrote ({describe_damage(error)})"
            ) from None
        with archive:
            yield archive

    @contextmanager
    def _named(self, name: str) -> Iterator[None]:
        """Report what keeps an array from being read as one line that names it."""
        try:
            yield
        except UNREADABLE as error:
            raise self._error(name, f"cannot be read ({describe_damage(error)})") from None

    def _error(self, name: str, reason: str) -> UserError:
        return UserError(f"{self.path}: array {name}: {reason}")


def npz_file(name: str, data_dir: Path) -> NpzFile:
    """Return the archive `name` of a configuration. Raises UserError if none is named."""
    return NpzFile(own_path(data_dir, name, "CONFIG_NPZ_FILE", "an archive of numpy.savez"))


def count_classes(y: NDArray[np.int64]) -> int:
    """Return how many classes the labels (n,) are of, none of which is left out."""
    return int(y.max()) + 1


def _check_header(file: IO[bytes], size: int) -> None:
    """Raise ValueError unless the header is of numbers, and of as many bytes as there are."""
    shape, _, kind = HEADERS[npy.read_magic(file)](file)
    if kind.hasobject:
        raise ValueError("holds Python objects, whose reading could run code")
    if kind.kind not in "biuf":
        raise ValueError(f"holds {kind}, not numbers")
    expected = file.tell() + math.prod(shape) * kind.itemsize
    if expected != size:
        raise ValueError(f"has {size} bytes, but its header {shape} of {kind} asks for {expected}")
