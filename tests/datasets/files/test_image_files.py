"""Files of images: formats and colours that are read alike, sizes, and what cannot be read."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import own_data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from espalier.core.errors import UserError
from espalier.datasets.files.image_files import ImageReader

RGB, GREY = ImageReader("RGB", 0), ImageReader("L", 0)
PIXELS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]], np.uint8)


def drawn(path: Path, pixels: Any = PIXELS, **options: Any) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def png_of_16_bits(*values: int) -> bytes:
    """A PNG of a pixel in colour, which Pillow writes in 8 bits alone."""
    content = b"\x89PNG\r\n\x1a\n"
    pixel = zlib.compress(struct.pack(">B3H", 0, *values))
    for kind, data in ((b"IHDR", struct.pack(">2I5B", 1, 1, 16, 2, 0, 0, 0)), (b"IDAT", pixel)):
        content += struct.pack(">I", len(data)) + kind + data
        content += struct.pack(">I", zlib.crc32(kind + data))
    return content


def refused(*files: Path, look: ImageReader = RGB) -> str:
    with pytest.raises(UserError) as caught:
        look.read_all(files)
    (line,) = caught.value.lines
    return line.removeprefix(f"{files[-1]}: ")


@pytest.mark.parametrize("kind", ["png", "bmp", "ppm", "tif"])
def test_lossless_formats_are_read_exactly(tmp_path: Path, kind: str) -> None:
    images = RGB.read_all([drawn(tmp_path / f"a.{kind}")] * 2)
    assert images.dtype == np.uint8
    assert np.array_equal(images, [PIXELS.transpose(2, 0, 1)] * 2)  # channels first


@pytest.mark.parametrize(("kind", "options"), [("jpg", {"quality": 95}), ("webp", {})])
def test_others_nearly(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    flat = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    (image,) = RGB.read_all([drawn(tmp_path / f"a.{kind}", flat, **options)])
    assert np.abs(image.astype(int).transpose(1, 2, 0) - flat).max() < 8


def test_what_a_file_holds_counts_and_not_its_name(tmp_path: Path) -> None:
    drawn(tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert np.array_equal(RGB.read(tmp_path / "a.jpg"), PIXELS)


def test_colours_are_made_alike(tmp_path: Path) -> None:
    grey = drawn(tmp_path / "grey.png", np.full((2, 2), 7, np.uint8))
    clear = drawn(tmp_path / "clear.png", np.dstack([PIXELS, np.zeros((2, 2), np.uint8)]))
    palette = tmp_path / "palette.png"
    Image.fromarray(PIXELS).quantize().save(palette)
    assert np.array_equal(RGB.read_all([grey, clear, palette])[0], np.full((3, 2, 2), 7))
    assert np.array_equal(RGB.read(clear), PIXELS)
    assert np.array_equal(RGB.read(palette), PIXELS)
    assert GREY.read(grey).tolist() == [[[7], [7]], [[7], [7]]]
    red, green, blue = (round(255 * share) for share in (0.299, 0.587, 0.114))  # ITU-R 601-2
    assert GREY.read(clear).tolist() == [[[red], [green]], [[blue], [9]]]


def test_images_of_several_sizes_are_resized_or_refused(tmp_path: Path) -> None:
    small, wide = drawn(tmp_path / "a.png"), drawn(tmp_path / "b.png", np.tile(PIXELS, (1, 3, 1)))
    assert refused(small, wide) == (
        f"is 6x2 pixels, and {small} is 2x2; all must be alike: set CONFIG_FOLDER_SIDE to make "
        "them so"
    )
    images = ImageReader("RGB", 2).read_all([small, wide])
    assert images.shape == (2, 3, 2, 2)
    assert np.array_equal(images[0].transpose(1, 2, 0), PIXELS)


def test_images_for_which_there_is_no_memory_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(shape: tuple[int, ...], dtype: type) -> None:
        raise MemoryError

    path = drawn(tmp_path / "a.png")
    monkeypatch.setattr(np, "empty", full)
    with pytest.raises(UserError, match="^2 images of 2x2 pixels: need 2.4e-08 GB of mem"):
        RGB.read_all([path] * 2)


def test_more_than_eight_bits_are_not_cut_off(tmp_path: Path) -> None:
    deep = drawn(tmp_path / "a.png", np.full((2, 2), 40_000, np.uint16))
    line = "cannot be read (has values of more than 8 bits); put a whole image there"
    assert refused(deep) == line
    deep.write_bytes(png_of_16_bits(300, 600, 900))
    assert refused(deep) == line
    deep.write_bytes(b"P5 1 1 65535\n\1\2")
    assert refused(deep) == line


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"GIF89a\x01\0\x01\0", b"\x89PNG\r\n\x1a\n"],
)
def test_what_is_no_image_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert refused(path) == "cannot be read (cannot identify image file); put a whole image there"


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    path = drawn(tmp_path / "a.png", np.random.default_rng(0).integers(0, 9, (64, 64), np.uint8))
    path.write_bytes(path.read_bytes()[:-900])
    assert refused(path).startswith("cannot be read (")


def test_a_small_file_of_very_many_pixels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3)
    assert "decompression bomb" in refused(drawn(tmp_path / "a.png"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    assert "decompression bomb" in refused(drawn(tmp_path / "a.png"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "PPM", "TIFF", "WEBP"])
@settings(max_examples=20, deadline=None)
@given(place=st.integers(0, 2000), patch=st.binary(min_size=1, max_size=4))
def test_damage_is_one_line_or_none(kind: str, place: int, patch: bytes) -> None:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, format=kind)
    content = bytearray(buffer.getvalue())
    place %= len(content)
    content[place : place + len(patch)] = patch
    own_data.read_damaged(bytes(content), RGB.read)
