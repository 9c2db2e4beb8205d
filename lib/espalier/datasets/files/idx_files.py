"""Grey images and labels in IDX files, the format of the four files of the classic digit set.

Source: LeCun, Cortes and Burges 1998, "The MNIST database", file formats: a big-endian magic
number (type and number of dimensions), the sizes, the bytes.
"""

from __future__ import annotations

import gzip
import math
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

from espalier.core.atomic_write import draft
from espalier.core.errors import UserError
from espalier.core.samples import RawData
from espalier.datasets.files import published

UNSIGNED_BYTES = 8  # the type code in the magic number


def load_idx(reader: type[Any], data_dir: Path, download: bool, verify: bool) -> RawData:
    """Read both parts of a torchvision data set stored as IDX files; counts are from the headers.

    Files are `<name>` or `<name>.gz` in `<data_dir>/<reader's name>/raw`; the .gz is unpacked
    beside itself. With `verify` every .gz must have the published checksum and what is unpacked
    must be its content.
    """
    folder = data_dir / reader.__name__ / "raw"
    archives = {folder / name: md5 if verify else None for name, md5 in reader.resources}
    with published.lock_folder(folder, create=download and verify):
        for archive, md5 in archives.items():
            _unpack(archive, md5)
        missing = [path for path in archives if not path.with_suffix("").is_file()]
        if missing:
            published.require_permission(missing[0], download, verify)
            there = [archive for archive in archives if archive.is_file()]  # verified above
            published.fetch(reader, data_dir, missing[0], there)
        for archive, md5 in archives.items():
            _check(archive.with_suffix(""))
            if md5:
                _require_content(archive.with_suffix(""), archive)
    if not verify:
        published.warn_unverified(folder)
    return published.require_consistent(_read(reader, data_dir), folder)


def _unpack(archive: Path, md5: str | None) -> None:
    """Check an archive that is there, and unpack it unless that has been done."""
    if not archive.is_file():
        return
    if md5:
        published.require_published(archive, md5)
    target = archive.with_suffix("")
    if target.is_file():
        return
    try:
        with (
            gzip.open(archive) as packed,
            draft(target) as place,
            place.open("wb") as unpacked,
        ):
            shutil.copyfileobj(packed, unpacked)
    except (OSError, EOFError, zlib.error) as error:  # damaged, a full disk, a read-only folder
        raise published.unreadable_error(archive, f"cannot be unpacked: {error}") from error


def _check(path: Path) -> None:
    """Raise UserError unless the size of `path` is what its header says."""
    dimensions = 3 if "idx3" in path.name else 1
    offset = 4 * (1 + dimensions)
    with path.open("rb") as file:
        header = file.read(offset).ljust(offset, b"\0")
    magic, *sizes = struct.unpack(f">{1 + dimensions}I", header)
    if magic != UNSIGNED_BYTES << 8 | dimensions:
        raise published.unreadable_error(
            path, f"not an IDX file of bytes in {dimensions} dimensions"
        )
    size, expected = path.stat().st_size, offset + math.prod(sizes)
    if size != expected:
        raise published.unreadable_error(
            path, f"{size} bytes, but its header {sizes} asks for {expected}"
        )


def _require_content(path: Path, archive: Path) -> None:
    """Compare `path` with the checksum of the content that its verified archive ends with."""
    if not archive.is_file():
        raise UserError(
            f"{path}: cannot be verified without {archive.name}; put it beside or set "
            "CONFIG_DATA_VERIFY=n"
        )
    checksum, _ = struct.unpack("<2I", archive.read_bytes()[-8:])
    if zlib.crc32(path.read_bytes()) != checksum:
        raise published.unreadable_error(path, f"not what {archive.name} holds")


def _read(reader: type[Any], data_dir: Path) -> RawData:
    # torchvision prefers an old, unverified cache in `processed` to the files that were checked.
    plain = type(reader.__name__, (reader,), {"_check_legacy_exist": lambda self: False})
    train, test = (plain(data_dir, train=part) for part in (True, False))
    return RawData(
        train_x=train.data.unsqueeze(1),  # (n, 1, height, width) uint8
        train_y=train.targets.long(),
        test_x=test.data.unsqueeze(1),
        test_y=test.targets.long(),
        classes=len(reader.classes),
    )
