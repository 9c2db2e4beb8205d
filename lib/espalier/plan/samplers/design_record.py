"""The record of a draw, as the design in the header of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from espalier.core.decoding import check_fields
from espalier.core.records import JsonRecord


@dataclass(frozen=True, kw_only=True)
class DrawRecord(JsonRecord):
    """A sampler that draws, its seed, how many configurations it drew first, and from what.

    `intervals` are those of the range file, by symbol. How it drew is among the other keys.
    """

    sampler: str
    seed: int
    drawn: int
    intervals: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, design: Mapping[str, Any]) -> Self | None:
        """Return the record that a design is; None for a grid and an array, which draw nothing.

        Raises ContentError, TypeError if it is none.
        """
        if "drawn" not in design:
            return None
        made = cls.from_json(design)
        check_fields(cls, list(vars(made).values()))
        return made
