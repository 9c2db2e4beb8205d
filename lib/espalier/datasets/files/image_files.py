"""Images in files of common formats, as arrays of one shape."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from espalier.core.errors import UserError
from espalier.datasets.files.damaged_files import DAMAGE, describe_damage

FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Formats that are read: by what a file holds, whatever its name. None of them runs a program."""
UNREADABLE = (*DAMAGE, OSError, Image.DecompressionBombError, Image.DecompressionBombWarning)
"""What a file raises that is no such image."""


@dataclass(frozen=True)
class ImageReader:
    """Reads images as of `mode` "L" (grey) or "RGB", `side` pixels a side (0: as they are)."""

    mode: str
    side: int

    def read_all(self, files: Sequence[Path]) -> NDArray[np.uint8]:
        """Return the images of files, one at least, as (n, channels, height, width) in 0..255.

        Raises UserError, which names the file, if one cannot be read or is of another size, and if
        there is no memory for all.
        """
        first = self.read(files[0])
        images = _room(len(files), first)
        for place, path in enumerate(files):
            image = self.read(path)
            if image.shape != first.shape:
                raise UserError(
                    f"{path}: is {_size(image)} pixels, and {files[0]} is {_size(first)}; all must "
                    "be alike: set CONFIG_FOLDER_SIDE to make them so"
                )
            images[place] = image.transpose(2, 0, 1)
        return images

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Return an image (height, width, channels). Raises UserError if it cannot be read."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what a file says beside its pixels
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                return self._decode(path)
        except UNREADABLE as error:
            raise UserError(
                f"{path}: cannot be read ({_text(error, path)}); put a whole image there"
            ) from None

    def _decode(self, path: Path) -> NDArray[np.uint8]:
        with Image.open(path, formats=FORMATS) as image:
            _check_depth(image)
            converted = image.convert(self.mode)
        if self.side:
            converted = converted.resize((self.side, self.side), Image.Resampling.BILINEAR)
        pixels = np.asarray(converted, dtype=np.uint8)
        return pixels.reshape(*pixels.shape[:2], -1)


def _check_depth(image: ImageFile) -> None:
    """Raise ValueError for more than 8 bits a value: Pillow would cut them off without a word."""
    raw = [image.mode, *map(str, image.tile)]  # what the file holds is there, such as RGB;16B
    if image.mode.startswith(("I", "F")) or any(";16" in text for text in raw):
        raise ValueError("has values of more than 8 bits")


def _room(count: int, first: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an array for `count` images like the `first`. Raises UserError without memory."""
    height, width, channels = first.shape
    try:
        return np.empty((count, channels, height, width), dtype=np.uint8)
    except MemoryError:
        raise UserError(
            f"{count} images of {_size(first)} pixels: need {count * first.nbytes / 1e9:.2g} GB of "
            "memory; set CONFIG_FOLDER_SIDE to less"
        ) from None


def _size(image: NDArray[np.uint8]) -> str:
    height, width, _ = image.shape
    return f"{width}x{height}"


def _text(error: BaseException, path: Path) -> str:
    """Return what went wrong, without the path that the line begins with."""
    return describe_damage(error).replace(f" {str(path)!r}", "")
