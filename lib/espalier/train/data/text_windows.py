"""Windows of characters: a text in three parts, cut into samples, and its entropies.

Training, validation and test text follow each other and are not shuffled across: a window holds
characters of one part only.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.core.component import symbol
from espalier.core.samples import RawText, Split
from espalier.core.trial import Record
from espalier.datasets.sample_counts import check_windows, count_windows
from espalier.kconfig.config_dataclass import kconfig_dataclass

NATS_PER_BIT = math.log(2)


@kconfig_dataclass
class WindowPlan:
    """The share of a text that a trial trains on and validates on."""

    train_subset: int = symbol("TRAIN_SUBSET")
    validation_fraction: float = symbol("VALIDATION_FRACTION")


@dataclass(frozen=True)
class TextPart:
    """Consecutive characters (n,) int64 and how they are cut into windows."""

    characters: Tensor
    context: int
    stride: int

    def __len__(self) -> int:
        """Return the number of whole windows that are followed by a character."""
        return count_windows(len(self.characters), self.context, self.stride)

    def first(self, windows: int) -> TextPart:
        """Return the characters of the first so many windows, and the next character."""
        end = (windows - 1) * self.stride + self.context + 1
        return TextPart(self.characters[:end], self.context, self.stride)

    def split(self, device: torch.device) -> Split:
        """Return windows x (n, context) and the next characters y (n, context).

        Both are views of the characters, so that overlapping windows take no memory.
        """
        there = self.characters.to(device)
        x, y = (part.unfold(0, self.context, self.stride) for part in (there[:-1], there[1:]))
        return Split(x.data, y.data)


def cut_windows(raw: RawText, plan: WindowPlan) -> tuple[TextPart, TextPart, TextPart]:
    """Return training, validation and test text. Validation is the end of what is not test.

    A subset is the first windows, so a smaller one is part of a larger one. Raises CannotTrain if
    a part is shorter than a window.
    """
    held_out = round(plan.validation_fraction * len(raw.train))
    cut = len(raw.train) - held_out
    texts = (raw.train[:cut], raw.train[cut:], raw.test)
    train, validation, test = (TextPart(text, raw.context, raw.stride) for text in texts)
    check_windows(
        (len(train), len(validation), len(test)),
        raw.context,
        plan.train_subset,
        plan.validation_fraction,
    )
    return train.first(plan.train_subset or len(train)), validation, test


def text_fingerprint(parts: Sequence[TextPart], symbols: str) -> str:
    """Return 16 hex digits of a hash over the characters of each part and the windows."""
    digest = hashlib.sha256(symbols.encode())
    for part in parts:
        digest.update(f"{len(part.characters)} {part.context} {part.stride};".encode())
        digest.update(part.characters.contiguous().numpy().data)
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class TextFacts:
    """Statistics of a text before anything is trained; entropies in nats a character.

    No model that looks at nothing (`unigram`) or only at the character before (`bigram`) can have
    a lower loss on the validation text: one that has used more. `least_loss` as in `RawText`.
    """

    unigram: float
    bigram: float
    least_loss: float

    def measures(self, validation_loss: float, test_loss: float) -> Record:
        """Return the final measures that only text has: losses in bits, and the entropies."""
        return {
            "val_bpc": validation_loss / NATS_PER_BIT,
            "test_bpc": test_loss / NATS_PER_BIT,
            "floor_unigram": self.unigram,
            "floor_bigram": self.bigram,
        }


def measure_text(raw: RawText, validation: TextPart) -> TextFacts:
    """Return the entropies of the validation text, from its counts of characters and pairs."""
    before, after = validation.characters[:-1], validation.characters[1:]
    pairs = before * len(raw.symbols) + after
    return TextFacts(_entropy(after), _entropy(pairs) - _entropy(before), raw.least_loss)


def _entropy(events: Tensor) -> float:
    """Return the entropy of the empirical distribution of events (n,), in nats."""
    _, counts = torch.unique(events, return_counts=True)
    share = counts.double() / len(events)
    return float(-(share * share.log()).sum())
