"""Text, character by character: what every Python ships, tiny Shakespeare, or any file.

Prose is the language reference that `help()` shows (`pydoc_data.topics`), code the sources of a few
modules of the standard library. Both differ between versions of Python, and the fingerprint of a
result's data says so.
Source: Karpathy 2015, "The Unreasonable Effectiveness of Recurrent Neural Networks" (tiny
Shakespeare, 1,115,394 characters, the last tenth held out).
Differs: the last tenth is the test set; validation is cut from the rest.
"""

from __future__ import annotations

import hashlib
import importlib
import sysconfig
from collections.abc import Callable
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
from espalier.kconfig.config_dataclass import kconfig_dataclass

TEST_SHARE = 0.1
CODE_CHARACTERS = 1_000_000
MODULES = (
    *("argparse", "ast", "calendar", "configparser", "contextlib", "csv", "dataclasses"),
    *("difflib", "doctest", "enum", "fractions", "functools", "inspect", "ipaddress"),
    *("mailbox", "optparse", "os", "pickle", "pickletools"),
)
"""Modules that are one file in every Python from 3.11 on, more than are needed of each version."""
SHAKESPEARE = "tinyshakespeare.txt"
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


@kconfig_dataclass
class Text(Dataset):
    """Windows of `context` characters, each to be predicted from those before it."""

    holds: ClassVar[type[Shape]] = TokenShape

    corpus: Literal["prose", "code", "shakespeare", "file"]
    file: str | None
    length: int
    vocabulary: Literal["own", "shared"]
    context: int
    stride: int
    leak_loss: float
    shift_corpus: Literal["prose", "code", "shakespeare", "file"] | None
    shift_file: str | None

    @override
    def load(self, data_dir: Path, download: bool) -> RawText:
        """Read the text; nothing is ever downloaded.

        The vocabulary is that of the whole corpus, however much of it is used.
        """
        text = _corpus(self.corpus, self.file, data_dir)
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
        return [prose(), code(), _corpus(self.shift_corpus, self.shift_file, data_dir)]


def _corpus(name: str, file: str | None, data_dir: Path) -> str:
    readers: dict[str, Callable[[], str]] = {
        "prose": prose,
        "code": code,
        "shakespeare": lambda: shakespeare(data_dir / SHAKESPEARE),
        "file": lambda: any_file(data_dir, file or ""),
    }
    return readers[name]()


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


def prose() -> str:
    """Return all topics of Python's language reference, in the order of their names."""
    try:
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    except ImportError:
        raise UserError(
            "this Python lacks pydoc_data.topics, the default prose; install the whole standard "
            "library or set CONFIG_TEXT_CORPUS_FILE=y"
        ) from None
    return "\n".join(topics[name] for name in sorted(topics))


def code() -> str:
    """Return the first CODE_CHARACTERS characters of the modules' sources, one after the other."""
    folder = Path(sysconfig.get_path("stdlib"))
    text = "\n".join(_read(folder / f"{name}.py") for name in MODULES)
    return text[:CODE_CHARACTERS]


def shakespeare(path: Path) -> str:
    """Return the published text; raise UserError if the checksum is another one."""
    text = _read(path)
    if hashlib.sha256(text.encode()).hexdigest() != SHAKESPEARE_SHA256:
        raise UserError(
            f"{path}: damaged or not the published file (its SHA-256 is not "
            f"{SHAKESPEARE_SHA256}); put that file there, or read this one with CONFIG_TEXT_FILE"
        )
    return text


def any_file(data_dir: Path, name: str) -> str:
    """Return the text of the file `name`, relative to `data_dir` unless it is absolute."""
    if not name:
        raise UserError('CONFIG_TEXT_FILE="": names no file; set it to the path of a text in UTF-8')
    return _read(data_dir / name)


def _read(path: Path) -> str:
    """Return text as it is on disk, with its line ends."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not text in UTF-8 (byte {error.start}); convert it to UTF-8"
        ) from None
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror or error}; put the text there: it is never downloaded"
        ) from None
