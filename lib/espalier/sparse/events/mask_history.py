"""Masks that report their changes and remember which weights were ever live.

Source of the explored share: Liu, Yin, Mocanu and Pechenizkiy 2021, "Do we actually need dense
over-parameterization? In-time over-parameterization in sparse training", arXiv:2102.02887,
section 3 (R_s).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from espalier.core.self_measuring import MaskListener


class MaskHistory(ABC):
    """Masks over the weights `names`, whatever form they are kept in.

    `changes` rises whenever masks change. A `listener` is called around each event. A weight has
    been explored once there was an update while it was live; whoever keeps the masks calls
    `note_update` for each update. Memory: a byte a weight, unless all have been explored.
    """

    names: list[str]
    size: int
    listener: MaskListener | None = None

    def __init__(self) -> None:
        self.changes = 0
        self._depth = 0  # events that are open, one within the other
        self._used = False  # whether there was an update under the masks of now
        self._explored: list[Tensor] | None = []  # empty: nothing yet; None: every weight

    @abstractmethod
    def live_masks(self) -> list[Tensor]:
        """Return which weights are live: bool, in the shape of each weight."""

    def trained_masks(self) -> list[Tensor] | None:
        """Return which weights get gradients, as `live_masks`; None: those that are live."""
        return None

    @abstractmethod
    def values(self) -> Sequence[Tensor]:
        """Return the weights, in the shapes of `live_masks`; 0 where none is stored."""

    @property
    @abstractmethod
    def is_dense(self) -> bool:
        """Whether every weight is live."""

    @contextmanager
    def event(self) -> Iterator[None]:
        """Take all changes inside, and the time that passes, as one event."""
        outermost = self._depth == 0
        if outermost:
            self._begin_event()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if outermost:
            self._end_event()

    def _begin_event(self) -> None:
        self._close_masks()
        if self.listener is not None:
            self.listener.before_event(self)

    def _end_event(self) -> None:
        self.changes += 1
        if self.listener is not None:
            self.listener.after_event(self)

    def note_update(self) -> None:
        """Record that there is an update under the masks of now, just before it or after.

        Those within an event do not count: it tries something out, and takes it back.
        """
        self._used = self._used or not self._depth

    def replace_masks(self) -> None:
        """Record that earlier masks, or none, are about to be put in place: no event."""
        self._close_masks()
        self.changes += 1

    def _close_masks(self) -> None:
        """Add what is live to what has been explored: it may change now."""
        if self._used and self._explored is not None:
            self._explored = self._united()
        self._used = False

    def _united(self) -> list[Tensor] | None:
        """Return what has been explored, with the masks of now; None: every weight."""
        if self._explored is None or self.is_dense:
            return None
        live = self.live_masks()
        if not self._explored:
            return live
        return [old | new for old, new in zip(self._explored, live, strict=True)]

    @property
    def explored(self) -> int:
        """The number of weights that were live during at least one update."""
        masks = self._united() if self._used else self._explored
        if masks is None:
            return self.size
        return sum(int(torch.count_nonzero(mask)) for mask in masks)

    @property
    def explored_share(self) -> float:
        """The share of the weights that were live during at least one update, in [0, 1]."""
        return self.explored / self.size if self.size else 0.0

    def explored_state(self) -> dict[str, Any]:
        """Return plain data for `load_explored`."""
        return {"masks": self._explored, "used": self._used}

    def load_explored(self, saved: dict[str, Any]) -> None:
        """Restore what `explored_state` returned."""
        self._explored, self._used = saved["masks"], saved["used"]
