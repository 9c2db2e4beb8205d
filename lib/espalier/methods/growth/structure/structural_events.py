"""Records of structural operations, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

Unit = tuple[int, int]
"""A node and the place of one of its units."""


@dataclass(frozen=True)
class Event:
    """The record of an operation. Nodes are numbered as they were when it ended.

    `where` names a block (`1_2`) or a node (`2`); `units` are new or reused, `parents` are the
    units that they took their values from, in the same order if there is one for each. `added` and
    `dropped` count edges, `live` all live ones afterwards.
    """

    op: str
    where: str
    units: tuple[Unit, ...] = ()
    parents: tuple[Unit, ...] = ()
    added: int = 0
    dropped: int = 0
    live: int = 0
    step: int = 0

    def record(self) -> dict[str, Any]:
        """Return a flat record; units as `node:place` with blanks between."""
        named = {"units": self.units, "parents": self.parents}
        texts = {name: " ".join(f"{n}:{u}" for n, u in units) for name, units in named.items()}
        return {**asdict(self), **texts}
