"""Images in files of common formats, as arrays of one shape."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from espalier.core.errors import UserError

FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Formats that are read: by what a file holds, whatever its name. None of them runs a program."""
UNREADABLE = (  # errors that files raise that are no such images
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@dataclass(frozen=True)
class ImageLook:
    """What images are made: `mode` "L" (grey) or "RGB", `side` pixels a side (0: as they are)."""

    mode: str
    side: int

    def read_all(self, files: Sequence[Path]) -> NDArray[np.uint8]:
        """Return the images of files, one at least, as (n, height, width, channels) in 0..255.

        Raises UserError, which names the file, if one cannot be read or is of another size.
        """
        first = self.read(files[0])
        images = np.empty((len(files), *first.shape), dtype=np.uint8)
        for place, path in enumerate(files):
            image = self.read(path)
            if image.shape != first.shape:
                raise UserError(
                    f"{path}: is {_size(image)} pixels, and {files[0]} is {_size(first)}; all must "
                    "be alike: set CONFIG_FOLDER_SIDE to make them so"
                )
            images[place] = image
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
            if image.mode.startswith(("I", "F")):  # more than 8 bits, which would be cut off
                raise ValueError(f"has values of mode {image.mode}, not of 8 bits")
            alike = image.convert(self.mode)
        if self.side:
            alike = alike.resize((self.side, self.side), Image.Resampling.BILINEAR)
        pixels = np.asarray(alike, dtype=np.uint8)
        return pixels.reshape(*pixels.shape[:2], -1)


def _size(image: NDArray[np.uint8]) -> str:
    height, width, _ = image.shape
    return f"{width}x{height}"


def _text(error: BaseException, path: Path) -> str:
    """Return what went wrong, without the path that the line begins with."""
    text = str(error).replace(f" {str(path)!r}", "")
    return " ".join(text.split()) or type(error).__name__
