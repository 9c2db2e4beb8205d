"""How many training samples a trial has, before anything is read.

A data set whose size is known in advance has a module `<name>_size.py` beside it, with a function
`count_samples(config, data_dir)` that returns one of these, or None where only its files can tell.
It may have a function `data_files(config)` too: what the data set reads, as paths in the folder of
data sets, or absolute. Without it all of that folder counts.
Nothing here imports torch, so that a plan can count too.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Protocol

from espalier.core.errors import CannotTrain

VERIFY = "DATA_VERIFY"
TEST_SHARE = 0.1
"""What is held out of a text for the test."""
TEST_EVERY = 5
"""Where images have no test part of their own, the last of each so many of a class is for it."""


class SampleCounts(Protocol):
    """The samples of a data set."""

    def training(self, subset: int, validation_fraction: float) -> int:
        """Return how many are trained on; a `subset` of 0 is all that validation leaves.

        Raises CannotTrain if there are too few.
        """
        ...


@dataclass(frozen=True)
class ImageCounts:
    """Images before validation is cut off, and the classes that occur among them."""

    train: int
    classes: int
    test: int = 0

    def held_out(self, validation_fraction: float) -> int:
        """Return how many are for validation."""
        return round(validation_fraction * self.train)

    def training(self, subset: int, validation_fraction: float) -> int:
        """Return how many are trained on. Raises CannotTrain for a part or class without any."""
        held_out = self.held_out(validation_fraction)
        left = self.train - held_out
        if not held_out or not left:
            raise CannotTrain(
                "split",
                f"CONFIG_VALIDATION_FRACTION={validation_fraction}: leaves {left} training and "
                f"{held_out} validation samples; each part needs one",
            )
        if subset and not self.classes <= subset <= left:
            raise CannotTrain(
                "subset",
                f"CONFIG_TRAIN_SUBSET={subset}: must be 0 (all) or in {self.classes}..{left}, "
                "one sample a class up to all that validation leaves",
            )
        return subset or left


def without_test(class_sizes: Sequence[int]) -> ImageCounts:
    """Return the counts of images of each class once the test has been cut off."""
    test = sum(size // TEST_EVERY for size in class_sizes)
    return ImageCounts(sum(class_sizes) - test, len(class_sizes), test)


@dataclass(frozen=True)
class TextCounts:
    """Characters of the text, those of the test among them, and how they are cut into windows."""

    characters: int
    context: int
    stride: int  # 0: as long as a window
    kinds: int = 0  # of characters; 0: only the text can tell

    def parts(self, validation_fraction: float) -> tuple[int, int, int]:
        """Return the characters for training, validation and test, in the order of the text."""
        test = round(TEST_SHARE * self.characters)
        rest = self.characters - test
        held_out = round(validation_fraction * rest)
        return rest - held_out, held_out, test

    def windows(self, characters: int) -> int:
        """Return how many whole windows there are that a character follows."""
        return count_windows(characters, self.context, self.stride or self.context)

    def training(self, subset: int, validation_fraction: float) -> int:
        """Return how many windows are trained on. Raises CannotTrain for a part without any."""
        train, validation, test = map(self.windows, self.parts(validation_fraction))
        check_windows((train, validation, test), self.context, subset, validation_fraction)
        return subset or train


def count_windows(characters: int, context: int, stride: int) -> int:
    """Return how many whole windows there are that a character follows."""
    return max(0, (characters - 1 - context) // stride + 1)


def check_windows(
    windows: tuple[int, int, int], context: int, subset: int, validation_fraction: float
) -> None:
    """Raise CannotTrain if a part has no window, or training fewer than its subset."""
    train, validation, test = windows
    if not all(windows):
        raise CannotTrain(
            "split",
            f"CONFIG_VALIDATION_FRACTION={validation_fraction}: leaves {train} training, "
            f"{validation} validation and {test} test windows of {context} characters; "
            "each part needs one",
        )
    if subset > train:
        raise CannotTrain(
            "subset",
            f"CONFIG_TRAIN_SUBSET={subset}: must be 0 (all) or in 1..{train}, the training "
            "windows that validation leaves",
        )


def check_batch(batch_size: int, samples: int) -> None:
    """Raise CannotTrain unless there are samples for a batch."""
    if batch_size > samples:
        raise CannotTrain(
            "batch_size",
            f"CONFIG_BATCH_SIZE={batch_size}: must be at most the {samples} training samples",
        )


def published(config: Mapping[str, str], counts: ImageCounts) -> ImageCounts | None:
    """Return the `counts` of the published files; None where others are accepted."""
    return counts if config[VERIFY] == "y" else None


class CountSamples(Protocol):
    """The function of a module `<name>_size.py`."""

    def __call__(self, config: Mapping[str, str], data_dir: Path) -> SampleCounts | None:
        """Return the samples of the data set of a trial; None where only its files can tell."""
        ...


def count(dataset: str, config: Mapping[str, str], data_dir: Path) -> SampleCounts | None:
    """Return the samples of `dataset` as a trial's `config` takes it; None if nothing can tell."""
    counter = _counter(dataset)
    return None if counter is None else counter(config, data_dir)


def data_files(dataset: str, config: Mapping[str, str]) -> Sequence[str] | None:
    """Return what `dataset` reads, as paths in the folder of data sets; None if nothing tells."""
    module = _module(dataset)
    named = None if module is None else getattr(module, "data_files", None)
    return None if named is None else [name for name in named(config) if name]


def _counter(dataset: str) -> CountSamples | None:
    """Return the function that counts the samples of a data set, if it has one."""
    module = _module(dataset)
    counter: CountSamples | None = getattr(module, "count_samples", None)
    return counter


@functools.cache
def _module(dataset: str) -> ModuleType | None:
    name = f"espalier.datasets.{dataset}_size"
    return None if find_spec(name) is None else importlib.import_module(name)
