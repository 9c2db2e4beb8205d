"""Colour images of 32x32 pixels in pickled batches, the format of the tiny-images subsets.

Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images", python version: a
batch is a pickled dictionary of `data`, (n, 3072) bytes, channel by channel and row by row, and
`labels` or `fine_labels`, a list of n.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from espalier.core.samples import RawData
from espalier.datasets import published

UNREADABLE = (  # errors that files raise that are not such a batch
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    ImportError,
    IndexError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
)


def load_batches(reader: type[Any], data_dir: Path, download: bool, verify: bool) -> RawData:
    """Read both parts of a torchvision data set stored as pickled batches.

    Files are in `<data_dir>/<reader's base_folder>`. With `verify` each must have the published
    checksum, and the published archive, lying in `data_dir`, is unpacked if they are absent;
    without it the files are unpickled as they are, which can run code they hold.
    """
    folder = data_dir / reader.base_folder
    with published.lock_folder(data_dir, create=download and verify):
        _ensure(reader, data_dir, download, verify)
    if not verify:
        published.warn_unverified(folder)
    (train_x, train_y, classes), (test_x, test_y, _) = (
        _read(reader, data_dir, [name for name, _ in part])
        for part in (reader.train_list, reader.test_list)
    )
    raw = RawData(train_x, train_y, test_x, test_y, classes)
    return published.require_consistent(raw, folder)


def _ensure(reader: type[Any], data_dir: Path, download: bool, verify: bool) -> None:
    """Raise UserError unless every file is there and, if it is to be, verified."""
    files = (*reader.train_list, *reader.test_list, (reader.meta["filename"], reader.meta["md5"]))
    missing = []
    for name, md5 in files:
        path = data_dir / reader.base_folder / name
        if not path.is_file():
            missing.append(path)
        elif verify:
            published.require_published(path, md5)
    if missing:
        archives = _archives(reader, data_dir, download)
        published.require_permission(missing[0], download or bool(archives), verify)
        published.fetch(reader, data_dir, missing[0], archives)


def _archives(reader: type[Any], data_dir: Path, download: bool) -> list[Path]:
    """Return the published archive, if it is there to unpack.

    Raises UserError if it is damaged and no other is to be fetched.
    """
    archive = data_dir / reader.filename
    if not archive.is_file():
        return []
    if published.is_published(archive, reader.tgz_md5):
        return [archive]
    if download:
        return []
    raise published.damaged_error(archive, reader.tgz_md5)


def _read(reader: type[Any], data_dir: Path, names: list[str]) -> tuple[Tensor, Tensor, int]:
    """Return images (n, 3, 32, 32) uint8, labels (n,) and the number of classes of some batches.

    Each file is read by a reader of its own, so that an error can name it.
    """
    batches = [_read_one(reader, data_dir, name) for name in names]
    images = [torch.from_numpy(batch.data) for batch in batches]  # each (n, 32, 32, 3)
    x = torch.cat(images).permute(0, 3, 1, 2).contiguous()
    y = torch.tensor([label for batch in batches for label in batch.targets])
    return x, y, len(batches[0].classes)


def _read_one(reader: type[Any], data_dir: Path, name: str) -> Any:
    meta = {**reader.meta, "md5": None}  # checksums have been compared before
    lone = {"train_list": [(name, None)], "test_list": [], "meta": meta}
    try:
        return type(reader.__name__, (reader,), lone)(data_dir, train=True)
    except UNREADABLE as error:
        path = data_dir / reader.base_folder / name
        reason = f"it or {meta['filename']} is not in the {reader.__name__} format: {error!r}"
        raise published.unreadable_error(path, reason) from error
