"""The size of an archive of arrays, whose labels are read to be counted."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from espalier.core.errors import UserError
from espalier.datasets.files.npz_arrays import NpzFile
from espalier.datasets.sample_counts import ImageCounts


def count_samples(config: Mapping[str, str], data_dir: Path) -> ImageCounts | None:
    """Return the number of samples; None if they cannot be read."""
    return _count(data_dir / config["NPZ_FILE"])


@functools.lru_cache(maxsize=8)
def _count(path: Path) -> ImageCounts | None:
    try:
        return NpzFile(path).count()
    except UserError:  # the run says what is wrong
        return None
