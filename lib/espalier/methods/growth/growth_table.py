"""The table of structural operations that a trial leaves: what grew, and when.

Nothing here imports torch, so that a table can be read and drawn at no cost.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from espalier.core.errors import UserError

TABLE = "growth.csv"
"""File name of the table in a trial's folder."""


@dataclass(frozen=True)
class GrowthStep:
    """What all operations after `step` updates did to weights: `live` are those that are left."""

    step: int
    live: int
    added: int
    dropped: int


def read_growth(path: Path) -> list[GrowthStep]:
    """Return the steps at which a network changed, in order. Raises UserError for another file."""
    steps: dict[int, GrowthStep] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                step, live, added, dropped = (
                    int(row[name]) for name in ("step", "live", "added", "dropped")
                )
                before = steps.get(step, GrowthStep(step, 0, 0, 0))
                steps[step] = GrowthStep(step, live, before.added + added, before.dropped + dropped)
    except (ValueError, LookupError, TypeError, csv.Error) as error:
        raise UserError(f"{path}: not the table of growth ({error})") from error
    return [steps[step] for step in sorted(steps)]
