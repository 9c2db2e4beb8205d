"""Streamed samples: kept raw, and prepared batch by batch ahead of their use.

Worker processes live for one walk through the samples: starting them is cheap against an epoch
of a set of this size, and none can outlive its trial.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from espalier.core.samples import Split, chunks, piece_size
from espalier.train.data.transforms import Preparation

AHEAD = 2  # batches that each worker prepares in advance


@dataclass(frozen=True)
class StreamedSplit(Split):
    """Raw samples on the CPU, handed out on another device or prepared by other processes.

    The numbers are those of a `Split` that holds the prepared samples. For a CPU, `workers`
    processes prepare them; for a GPU they only gather the raw ones, which are fewer bytes to
    copy, and the GPU prepares them. 0 workers: this process does it all.
    """

    prepare: Preparation  # on `target`
    target: torch.device
    workers: int
    streamed: ClassVar[bool] = True

    @property
    def device(self) -> torch.device:
        """Return the device of batches and pieces."""
        return self.target

    def batches(self, orders: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the samples in the order of `orders` (K, n), `batch_size` of each row at a time."""
        return self._walk(chunks(orders.cpu(), batch_size))

    def pieces(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield every sample once and in order, at most `size` at a time."""
        _, *sample = self.prepare.shape(self.x)
        size, end = piece_size(size, sample), len(self)
        return self._walk(
            torch.arange(start, min(start + size, end)) for start in range(0, end, size)
        )

    def _walk(self, chosen: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        ahead = self.target.type == "cpu"
        # A generator of its own: the loader draws a seed, which must not move the global stream.
        loader = DataLoader(
            _Gathered(self.x, self.y, self.prepare if ahead else None),
            batch_size=None,
            sampler=(part.numpy() for part in chosen),
            collate_fn=_as_it_is,
            num_workers=self.workers,
            prefetch_factor=AHEAD if self.workers else None,
            multiprocessing_context=_context() if self.workers else None,
            pin_memory=not ahead,
            generator=torch.Generator(),
        )
        try:
            for x, y in loader:
                yield (x, y) if ahead else self._on_device(x, y)
        except (ConnectionError, EOFError) as error:  # torch notices some losses itself
            raise RuntimeError("a worker process that prepares batches was killed") from error

    def _on_device(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        there = x.to(self.target, non_blocking=True)
        return self.prepare(there), y.to(self.target, non_blocking=True)


@dataclass(frozen=True)
class _Gathered(Dataset[tuple[Tensor, Tensor]]):
    """The samples that a worker process gathers, for an array of indices (b,)."""

    x: Tensor
    y: Tensor
    prepare: Preparation | None

    def __getitem__(self, indices: Any) -> tuple[Tensor, Tensor]:
        chosen = torch.from_numpy(indices)
        x, y = self.x.index_select(0, chosen), self.y.index_select(0, chosen)
        return (x if self.prepare is None else self.prepare(x)), y


def _as_it_is(batch: Any) -> Any:
    return batch


def _context() -> str | None:
    """Return how workers start: on Linux as forks, which share the samples instead of copies."""
    return "fork" if sys.platform == "linux" else None
