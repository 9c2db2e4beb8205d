"""A gate: a check with its verdict, and the statistics of guessing by chance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from espalier.core.trial import Record
from espalier.train.engine.trainer import Trainer

TrainerFactory = Callable[[], Trainer]
"""Builds the same trial before its first step anew at each call."""

SIGMAS = 3.0


@dataclass(frozen=True)
class Gate:
    """One check: whether it passed, a line that says why, and the numbers behind it."""

    name: str
    passed: bool
    line: str
    numbers: Record = field(default_factory=dict)

    def verdict_line(self) -> str:
        """Return the verdict and the line."""
        return f"{'pass' if self.passed else 'FAIL'}  {self.name}: {self.line}"

    def as_json(self) -> Record:
        """Return the gate as a JSON object; a number that is not finite is null."""
        finite = {n: v if math.isfinite(v) else None for n, v in self.numbers.items()}
        return {"name": self.name, "passed": self.passed, "line": self.line, "numbers": finite}


def class_shares(labels: Tensor) -> list[float]:
    """Return the share of each class that occurs among `labels`."""
    counts: list[int] = torch.bincount(labels.flatten()).tolist()
    return [count / labels.numel() for count in counts if count]


def entropy(classes: list[float]) -> float:
    """Return the loss (nats) of predicting the shares of the classes for every sample."""
    return -math.fsum(share * math.log(share) for share in classes)


def wilson_lower_bound(share: float, n: int, sigmas: float = SIGMAS) -> float:
    """Return the lower end of the confidence interval of a share of `n` samples.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference.
    """
    z = sigmas * sigmas / n
    root = math.sqrt(z * (share * (1 - share) + z / 4))
    return (share + z / 2 - root) / (1 + z)
