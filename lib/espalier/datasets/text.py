"""Text, character by character: what every Python ships, tiny Shakespeare, or any file.

See `espalier.datasets.files.corpora`. What ships with Python differs between versions, and the
fingerprint of a result's data says so.
Source: Karpathy 2015, "The Unreasonable Effectiveness of Recurrent Neural Networks" (tiny
Shakespeare, 1,115,394 characters, the last tenth held out).
Differs: the last tenth is the test set; validation is cut from the rest.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Dataset
from espalier.core.errors import UserError
from espalier.core.samples import RawText, Shape, TokenShape
from espalier.datasets.files.corpora import code, prose, read_corpus
from espalier.datasets.sample_counts import TEST_SHARE
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class Text(Dataset):
    """Windows of `context` characters, each to be predicted from those before it."""

    holds: ClassVar[type[Shape]] = TokenShape

    corpus: Literal["prose", "code", "library", "shakespeare", "file"]
    file: str | None
    length: int
    vocabulary: Literal["own", "shared"]
    context: int
    stride: int
    leak_loss: float
    shift_corpus: Literal["prose", "code", "library", "shakespeare", "file"] | None
    shift_file: str | None

    @override
    def load(self, data_dir: Path, download: bool) -> RawText:
        """Read the text; nothing is ever downloaded.

        The vocabulary is that of the whole corpus, however much of it is used.
        """
        text = read_corpus(self.corpus, self.file, data_dir)
        symbols = "".join(sorted(set(text).union(*self._others(data_dir))))
        codes = encode(text[: self.length or len(text)], symbols)
        held_out = round(TEST_SHARE * len(codes))
        train, test = codes[: len(codes) - held_out], codes[len(codes) - held_out :]
        stride = self.stride or self.context
        return RawText(train, test, symbols, self.context, stride, self.leak_loss)

    @override
    def shifted(self) -> Text | None:
        """Return the text to shift to; it shifts back to this one, so both share a vocabulary."""
        if self.shift_corpus is None:
            return None
        return replace(
            self,
            corpus=self.shift_corpus,
            file=self.shift_file,
            shift_corpus=self.corpus,
            shift_file=self.file,
        )

    def _others(self, data_dir: Path) -> list[str]:
        """Return texts whose characters are in the vocabulary besides those of the text itself."""
        if self.vocabulary == "own":
            return []
        if self.shift_corpus is None:
            return [prose(), code()]
        return [prose(), code(), read_corpus(self.shift_corpus, self.shift_file, data_dir)]


def encode(text: str, symbols: str) -> Tensor:
    """Return the index of each character of `text` in the sorted `symbols`, (n,) int64.

    Raises UserError for characters that are not among them.
    """
    if unknown := sorted(set(text).difference(symbols)):
        raise UserError(
            f"{len(unknown)} characters are not in the vocabulary, {unknown[0]!r} the first; use "
            "one vocabulary for all texts: set CONFIG_TEXT_VOCABULARY_SHARED=y"
        )
    points, codes = (np.frombuffer(part.encode("utf-32-le"), "<u4") for part in (text, symbols))
    return torch.from_numpy(np.searchsorted(codes, points).astype(np.int64))


def decode(codes: Tensor, symbols: str) -> str:
    """Return the text of `codes` (n,), as `encode` gave them."""
    return "".join(symbols[place] for place in codes.tolist())
