"""The size of a text, which is read to be counted."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

from espalier.core.errors import UserError
from espalier.datasets.files import corpora
from espalier.datasets.sample_counts import TextCounts

PUBLISHED = {"shakespeare": 1_115_394, "library": corpora.LIBRARY_CHARACTERS}
"""Characters of texts that need not be there to be counted."""
KINDS = {"shakespeare": 65}
"""How many different ones they have."""


def count_samples(config: Mapping[str, str], data_dir: Path) -> TextCounts | None:
    """Return the characters of the text; None if it is not there.

    Where CONFIG_SHIFT=return changes to another text, those of the shorter one: training uses as
    much of both.
    """
    files = (config.get("TEXT_FILE"), config.get("TEXT_SHIFT_FILE"))
    names = (config["TEXT_CORPUS"], config.get("TEXT_SHIFT_CORPUS"))
    texts = zip(names, files, strict=True)
    sizes = [_characters(name, file, data_dir) for name, file in texts if name is not None]
    limit = int(config["TEXT_LENGTH"])
    counts = [min(size, limit or size) for size in sizes if size is not None]
    if len(counts) < len(sizes):
        return None
    window = (int(config["TEXT_CONTEXT"]), int(config["TEXT_STRIDE"]))
    return TextCounts(min(counts), *window, KINDS.get(names[0] or "", 0))


@functools.lru_cache(maxsize=8)
def _characters(name: str, file: str | None, data_dir: Path) -> int | None:
    if name in PUBLISHED:
        return PUBLISHED[name]
    try:
        return len(corpora.read_corpus(name, file, data_dir))
    except UserError:  # the run says what is missing
        return None


def data_files(config: Mapping[str, str]) -> Sequence[str]:
    """Return the files of its texts, none for one that comes with Python."""
    names = [config["TEXT_CORPUS"], config.get("TEXT_SHIFT_CORPUS")]
    files = [config.get("TEXT_FILE", ""), config.get("TEXT_SHIFT_FILE", "")]
    named = [file for name, file in zip(names, files, strict=True) if name == "file"]
    return [*named, corpora.SHAKESPEARE] if "shakespeare" in names else named
