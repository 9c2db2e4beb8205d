"""A check with its verdict, and what chance would do."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from espalier.core.trial import Record
from espalier.train.engine.trainer import Trainer

TrainerFactory = Callable[[], Trainer]
"""A trial before its first step: built anew at each call, the same each time."""

SIGMAS = 3.0


@dataclass(frozen=True)
class Gate:
    """One check: whether it passed, a line that says why, and the numbers behind it."""

    name: str
    passed: bool
    line: str
    numbers: Record = field(default_factory=dict)

    def told(self) -> str:
        """The verdict and the line."""
        return f"{'pass' if self.passed else 'FAIL'}  {self.name}: {self.line}"

    def as_json(self) -> Record:
        """The same as a JSON object; a number that is not finite is null."""
        finite = {n: v if math.isfinite(v) else None for n, v in self.numbers.items()}
        return {"name": self.name, "passed": self.passed, "line": self.line, "numbers": finite}


def class_shares(labels: Tensor) -> list[float]:
    """The share of each class that occurs among `labels`."""
    counts: list[int] = torch.bincount(labels.flatten()).tolist()
    return [count / labels.numel() for count in counts if count]


def entropy(classes: list[float]) -> float:
    """The loss (nats) of who knows the shares of the classes and nothing else."""
    return -math.fsum(share * math.log(share) for share in classes)


def wilson_lower_bound(share: float, n: int, sigmas: float = SIGMAS) -> float:
    """The lower end of the interval of a share that was counted over `n`.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference.
    """
    z = sigmas * sigmas / n
    root = math.sqrt(z * (share * (1 - share) + z / 4))
    return (share + z / 2 - root) / (1 + z)
