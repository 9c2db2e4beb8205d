"""Folders of images, a folder a class: which files they hold, by their names alone.

Either the folder holds the folders of the classes, or it holds `train/`, and perhaps `test/`, which
hold them. Nothing here opens an image or imports torch, so that a plan can count.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from espalier.core.errors import UserError
from espalier.datasets.files.own_path import own_path
from espalier.datasets.sample_counts import ImageCounts, without_test

TRAIN, TEST = "train", "test"
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")

Classes = Mapping[str, Sequence[Path]]
"""The files of each class, both in the order of their names."""


@dataclass(frozen=True)
class ClassFolders:
    """The files of each class; `test` is empty if there is no `test/`."""

    root: Path
    train: Classes
    test: Classes

    def count(self) -> ImageCounts:
        """Return how many images there are. Raises UserError if none is left for the test."""
        sizes = [len(files) for files in self.train.values()]
        if self.test:
            test = sum(len(files) for files in self.test.values())
            return ImageCounts(sum(sizes), len(sizes), test)
        counts = without_test(sizes)
        if counts.test == 0:
            raise UserError(
                f"{self.root}: no class has images enough to leave one in five for a test; add "
                f"more, or a folder {TEST}/ beside {TRAIN}/"
            )
        return counts

    def labels(self, part: Classes) -> list[int]:
        """Return the label of each image of a part: the place of its class among all."""
        places = {name: place for place, name in enumerate(self.train)}
        return [places[name] for name, files in part.items() for _ in files]


def class_folders(path: str, data_dir: Path) -> ClassFolders:
    """Return the files of the folder `path` of a configuration. Raises UserError."""
    return list_images(own_path(data_dir, path, "CONFIG_FOLDER_PATH", "a folder"))


def list_images(root: Path) -> ClassFolders:
    """Return the files of a folder. Raises UserError, with the place, if it is not such a one."""
    tops = _folders(root)
    if TRAIN not in tops:
        if TEST in tops:
            raise UserError(f"{root}: has {TEST}/ and no {TRAIN}/; put the classes into {TRAIN}/")
        return ClassFolders(root, _classes(root, tops), {})
    if others := [name for name in tops if name not in (TRAIN, TEST)]:
        raise UserError(
            f"{root / others[0]}: beside {TRAIN}/ no folder but {TEST}/ is read; move it away, or "
            f"give {TRAIN}/ another name if it is a class"
        )
    train = _classes(root / TRAIN, _folders(root / TRAIN))
    test = {n: _images(root / TEST / n) for n in _folders(root / TEST)} if TEST in tops else {}
    if TEST in tops:
        _check_test(root, train, test)
    return ClassFolders(root, train, test)


def _check_test(root: Path, train: Classes, test: Classes) -> None:
    """Raise UserError unless the test has classes of the training, and no others."""
    if others := sorted(test.keys() - train.keys()):
        raise UserError(f"{root / TEST / others[0]}: is no class: {TRAIN}/ has no such folder")
    if not test:
        raise UserError(f"{root / TEST}: has no folders of classes; fill it or remove it")


def _classes(folder: Path, names: Sequence[str]) -> Classes:
    if len(names) < 2:
        raise UserError(
            f"{folder}: has {len(names)} folder{'s' * (len(names) != 1)}; must have two or more, a "
            "folder of images for each class"
        )
    return {name: _images(folder / name) for name in names}


def _images(folder: Path) -> tuple[Path, ...]:
    """Return the images of a class, one at least; anything else in its folder is refused."""
    entries = _entries(folder)
    for entry in entries:
        if not _is_file(entry):
            raise UserError(f"{folder / entry.name}: is no file; a class holds images alone")
        if not entry.name.lower().endswith(SUFFIXES):
            raise UserError(
                f"{folder / entry.name}: is no image by its name; a class holds images alone, "
                f"which end in {', '.join(SUFFIXES)}"
            )
    if not entries:
        raise UserError(f"{folder}: has no image; put some there or remove the class")
    return tuple(folder / entry.name for entry in entries)


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a file or a link to one; a link that goes round is none."""
    return Path(entry).is_file() if entry.is_symlink() else entry.is_file()


def _folders(folder: Path) -> list[str]:
    return [entry.name for entry in _entries(folder) if Path(entry).is_dir()]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what a folder holds in the order of names, without what is hidden."""
    try:
        with os.scandir(folder) as entries:
            plain = [entry for entry in entries if not entry.name.startswith(".")]
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder}: {getattr(error, 'strerror', None) or error}; put folders of images there: "
            "they are never downloaded"
        ) from None
    return sorted(plain, key=lambda entry: entry.name)
