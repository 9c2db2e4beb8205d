"""The size of folders of images, whose files are counted and not opened."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from espalier.core.errors import UserError
from espalier.datasets.files.class_folders import list_images
from espalier.datasets.sample_counts import ImageCounts


def count_samples(config: Mapping[str, str], data_dir: Path) -> ImageCounts | None:
    """Return the number of images; None if they are not there or are none such."""
    return _count(data_dir / config["FOLDER_PATH"])


@functools.lru_cache(maxsize=8)
def _count(path: Path) -> ImageCounts | None:
    try:
        return list_images(path).count()
    except UserError:  # the run says what is wrong
        return None
