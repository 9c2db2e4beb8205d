"""Colour images of 32x32 pixels in pickled batches, the format of the tiny-images subsets.

Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images", python version: a
batch is a pickled dictionary of `data`, (n, 3072) bytes, channel by channel and row by row, and
`labels` or `fine_labels`, a list of n.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from espalier.core.samples import RawData
from espalier.datasets.files import array_pickles, published
from espalier.datasets.files.damaged_files import DAMAGE

UNREADABLE = (*DAMAGE, pickle.UnpicklingError, AttributeError, ImportError)
"""What a file raises that is not such a batch."""


def load_batches(reader: type[Any], data_dir: Path, download: bool, verify: bool) -> RawData:
    """Read both parts of a torchvision data set stored as pickled batches.

    Files are in `<data_dir>/<reader's base_folder>`. With `verify` each must have the published
    checksum, and the published archive, lying in `data_dir`, is unpacked if they are absent;
    without it the files are read as they are. Either way no code that they hold is run.
    """
    folder = data_dir / reader.base_folder
    with published.lock_folder(data_dir, create=download and verify):
        _ensure(reader, data_dir, download, verify)
    if not verify:
        published.warn_unverified(folder)
    classes = _read_classes(reader, folder)
    (train_x, train_y), (test_x, test_y) = (
        _read(reader, [folder / name for name, _ in part])
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


def _read_classes(reader: type[Any], folder: Path) -> int:
    """Return the number of classes, whose names are in a file of their own."""
    path = folder / reader.meta["filename"]
    with _named(path, reader):
        return len(array_pickles.read(path)[reader.meta["key"]])


def _read(reader: type[Any], paths: list[Path]) -> tuple[Tensor, Tensor]:
    """Return images (n, 3, 32, 32) uint8 and labels (n,) of some batches."""
    images, labels = [], []
    for path in paths:
        with _named(path, reader):
            batch = array_pickles.read(path)
            images.append(torch.from_numpy(batch["data"]).reshape(-1, 3, 32, 32))
            labels += _labels(batch)
    return torch.cat(images), torch.tensor(labels)


def _labels(batch: dict[str, Any]) -> list[int]:
    labels = list(batch["labels"] if "labels" in batch else batch["fine_labels"])
    if not all(isinstance(label, Integral) for label in labels):
        raise TypeError("a label is no integer")
    return [int(label) for label in labels]


@contextmanager
def _named(path: Path, reader: type[Any]) -> Iterator[None]:
    """Report what keeps a file from being read as one line that names it."""
    try:
        yield
    except UNREADABLE as error:
        reason = f"not in the {reader.__name__} format: {error!r}"
        raise published.unreadable_error(path, reason) from error
