"""The size of an archive of arrays, whose labels are read to be counted."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

from espalier.core.errors import UserError
from espalier.datasets.files.npz_arrays import npz_file
from espalier.datasets.sample_counts import ImageCounts


def count_samples(config: Mapping[str, str], data_dir: Path) -> ImageCounts | None:
    """Return the number of samples; None if they cannot be read."""
    return _count(config["NPZ_FILE"], data_dir)


@functools.lru_cache(maxsize=8)
def _count(name: str, data_dir: Path) -> ImageCounts | None:
    try:
        return npz_file(name, data_dir).count()
    except UserError:  # the run says what is wrong
        return None


def data_files(config: Mapping[str, str]) -> Sequence[str]:
    """Return the archive."""
    return [config["NPZ_FILE"]]
