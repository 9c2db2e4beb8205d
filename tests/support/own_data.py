"""Images of a user's own, in a numpy archive and in folders, written by numpy and Pillow alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from espalier.core.errors import UserError


def images(
    samples: int = 200, classes: int = 4, pixels: tuple[int, ...] = (), seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images (n, 8, 8, *pixels) whose brightness tells the class; labels go round."""
    y = np.arange(samples) % classes
    noise = np.random.default_rng(seed).integers(0, 60, (samples, 8, 8, *pixels))
    bright = 50 * y.reshape(-1, *[1] * (noise.ndim - 1))
    return (noise + bright).astype(np.uint8), y


def write_npz(path: Path, **arrays: Any) -> dict[str, Any]:
    """Write the archive `path` and return its arrays; without any given, some of `images`.

    With `pixels=(3, 3)` images are (3, 8, 3): either axis can have the channels.
    """
    pixels, seed = arrays.pop("pixels", ()), arrays.pop("seed", 0)
    x, y = images(seed=seed, pixels=pixels[1:])
    x = x[:, : pixels[0]] if pixels else x
    held = {"x": x, "y": y} | arrays
    np.savez(path, **held)
    return held


def write_folders(root: Path, seed: int = 0, test: int = 0, **options: int) -> dict[str, Any]:
    """Write colour images as PNG, in `train/` and `test/` if that gets some; return them."""
    x, y = images(pixels=(3,), seed=seed, **options)
    for number, (image, label) in enumerate(zip(x, y, strict=True)):
        part = root if not test else root / ("train" if number >= test else "test")
        folder = part / f"class_{label}"
        folder.mkdir(parents=True, exist_ok=True)
        write_image(folder / f"{number:04}.png", image)
    return {"x": x, "y": y}


def write_image(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write (height, width) or (height, width, 3) as an image, in the format of its name."""
    Image.fromarray(pixels).save(path)


def read_damaged(content: bytes, read: Callable[[Path], Any]) -> None:
    """Read a file of that content: it may be whole, or end in one line that names it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged"
        path.write_bytes(content)
        try:
            read(path)
        except UserError as error:
            (line,) = error.lines
            assert line.startswith(f"{path}: ") and "\n" not in line
