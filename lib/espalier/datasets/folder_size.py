"""The size of folders of images, whose files are counted and not opened."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

from espalier.core.errors import UserError
from espalier.datasets.files.class_folders import class_folders
from espalier.datasets.sample_counts import ImageCounts


def count_samples(config: Mapping[str, str], data_dir: Path) -> ImageCounts | None:
    """Return the number of images; None if the folder cannot be read so."""
    return _count(config["FOLDER_PATH"], data_dir)


@functools.lru_cache(maxsize=8)
def _count(path: str, data_dir: Path) -> ImageCounts | None:
    try:
        return class_folders(path, data_dir).count()
    except UserError:  # the run says what is wrong
        return None


def data_files(config: Mapping[str, str]) -> Sequence[str]:
    """Return the folder."""
    return [config["FOLDER_PATH"]]
