"""The log of a run's mask events: a listener that compares masks before and after each of them.

It reads masks and weights, and writes to neither: a run with a log computes what it does without.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from espalier.core.component import symbol
from espalier.core.contracts import Run
from espalier.core.self_measuring import KeepsMasks
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.sparse.threshold import mark_smallest
from espalier.train.masks.mask_table import TABLE, WHOLE, MaskEvent, write_mask_events

DIGITS = 16
"""Hexadecimal digits of a hash: 64 bits tell masks apart."""


@kconfig_dataclass
class MaskLogPlan:
    """Whether runs log their mask events; None stands for no."""

    enabled: bool | None = symbol("MASK_LOG")

    def listen(self, run: Run) -> None:
        """Give a run its log, before its method is attached."""
        if self.enabled:
            run.mask_listener = MaskLog(run)


class _Counts(NamedTuple):
    """Numbers of weights of one or more layers."""

    size: int
    live: int
    added: int
    removed: int
    common: int  # live, and among as many of the largest magnitudes


class MaskLog:
    """The events of a run so far; a row a layer and one for all of them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.rows: list[MaskEvent] = []
        self._live: list[Tensor] = []  # as before the event that is under way
        self._values: list[Tensor] = []
        self._started = 0.0

    @torch.no_grad()
    def before_event(self, masks: KeepsMasks) -> None:
        """Keep masks and weights as they are, and start the clock."""
        self._live = [live.clone() for live in masks.live_masks()]
        self._values = [values.detach().clone() for values in masks.values()]
        _wait(self._values)
        self._started = time.perf_counter()

    @torch.no_grad()
    def after_event(self, masks: KeepsMasks) -> None:
        """Add the rows of the event."""
        _wait(self._values)
        milliseconds = 1000 * (time.perf_counter() - self._started)
        live = masks.live_masks()
        parts = zip(self._live, live, self._values, strict=True)
        counts = [_compare(*part) for part in parts]
        self.rows += [
            self._row(name, count, [mask])
            for name, count, mask in zip(masks.names, counts, live, strict=True)
        ]
        whole = self._row(WHOLE, _Counts(*map(sum, zip(*counts, strict=True))), live)
        more = {"explored": masks.explored_share, "milliseconds": milliseconds}
        self.rows.append(MaskEvent(**{**asdict(whole), **more}))
        self._live, self._values = [], []

    def _row(self, name: str, counts: _Counts, live: Sequence[Tensor]) -> MaskEvent:
        size, now, added, removed, common = counts
        return MaskEvent(
            event=self.events,
            step=self._run.step,
            layer=name,
            size=size,
            live=now,
            added=added,
            removed=removed,
            churn=(added + removed) / size,
            jaccard_before=_share(now - added, now + removed),
            jaccard_magnitude=_share(common, 2 * now - common),
            density=now / size,
            digest=digest(live),
        )

    @property
    def events(self) -> int:
        """The number of events that are complete."""
        return sum(row.layer == WHOLE for row in self.rows)

    def write(self, folder: Path) -> None:
        """Write the table into a trial's folder; no file without an event."""
        if self.rows:
            write_mask_events(folder / TABLE, self.rows)

    def state_dict(self) -> dict[str, Any]:
        """Return the rows as plain data."""
        return {"rows": [asdict(row) for row in self.rows]}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; the rows of a run without a log stay."""
        if saved:
            self.rows = [MaskEvent(**row) for row in saved["rows"]]


def _compare(before: Tensor, after: Tensor, values: Tensor) -> _Counts:
    """Return the counts of a layer; `values` are its weights before the event."""
    largest = magnitude_mask(values, before, int(torch.count_nonzero(after)))
    return _Counts(
        after.numel(),
        _count(after),
        _count(after & ~before),
        _count(before & ~after),
        _count(after & largest),
    )


def magnitude_mask(values: Tensor, live: Tensor, count: int) -> Tensor:
    """Return the mask of the `count` largest |values|; of equal ones, `live` ones come first."""
    scores = values.abs().float().flatten()
    smallest = torch.empty_like(scores, dtype=torch.bool)
    mark_smallest(scores, len(scores) - count, smallest, ~live.flatten())
    return ~smallest.view(values.shape)


def digest(live: Sequence[Tensor]) -> str:
    """Return the first digits of the SHA-256 of the masks' bits in a row, eight a byte."""
    bits = np.concatenate([mask.flatten().cpu().numpy() for mask in live])
    return hashlib.sha256(np.packbits(bits).tobytes()).hexdigest()[:DIGITS]


def _count(mask: Tensor) -> int:
    return int(torch.count_nonzero(mask))


def _share(part: int, whole: int) -> float:
    """Return part / whole; 1 of two empty sets, which are equal."""
    return part / whole if whole else 1.0


def _wait(tensors: Sequence[Tensor]) -> None:
    """Wait for a GPU, so that the clock does not run ahead of it."""
    if tensors and tensors[0].is_cuda:
        torch.cuda.synchronize(tensors[0].device)
