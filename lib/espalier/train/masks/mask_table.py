"""The table of mask events that a trial leaves: what each event changed, layer by layer.

Nothing here imports torch, so that a table can be read and drawn at no cost.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from espalier.core.atomic_write import draft
from espalier.core.errors import UserError

TABLE = "mask_events.csv"
"""File name of the table in a trial's folder."""
WHOLE = ""
"""In place of a layer's name: all weights that can be masked, together."""


@dataclass(frozen=True)
class MaskEvent:
    """What one event did to the mask of a layer's weight, or to all of them (`WHOLE`).

    `step` updates were done; `event` counts from 0. Of `size` weights `live` were left, `added`
    had come and `removed` had gone: `churn`, the share that changed, is both together over `size`.
    `jaccard_before` compares the live weights with those before the event. `jaccard_magnitude`
    compares them with as many of each layer that had the largest absolute values just before it.
    `density` is the live share. `explored` is the share of weights that had been live during some
    update, and `milliseconds` what the event took; only all weights together have them. `digest`
    is the beginning of the SHA-256 of the live mask's bits, in rows, eight a byte.
    """

    event: int
    step: int
    layer: str
    size: int
    live: int
    added: int
    removed: int
    churn: float
    jaccard_before: float
    jaccard_magnitude: float
    density: float
    digest: str
    explored: float | None = None
    milliseconds: float | None = None


COLUMNS = tuple(field.name for field in fields(MaskEvent))
_WORDS = ("layer", "digest")
_WHOLE_NUMBERS = ("event", "step", "size", "live", "added", "removed")
_OPTIONAL = ("explored", "milliseconds")


def write_mask_events(path: Path, events: Iterable[MaskEvent]) -> None:
    """Write the table, whole or not at all."""
    with draft(path) as place, place.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(event) for event in events)


def read_mask_events(path: Path) -> list[MaskEvent]:
    """Return the rows of a table, in order. Raises UserError for another file, OSError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [_event(row) for row in csv.DictReader(file)]
    except (ValueError, LookupError, TypeError, csv.Error) as error:
        raise UserError(f"{path}: not the table of mask events ({error})") from error


def _event(row: Mapping[str, Any]) -> MaskEvent:
    """Return the event of a row of texts. Raises ValueError, LookupError or TypeError."""
    return MaskEvent(**{name: _value(name, row[name]) for name in COLUMNS})


def _value(name: str, text: str) -> Any:
    if name in _WORDS:
        return text
    if name in _OPTIONAL and not text:
        return None
    return int(text) if name in _WHOLE_NUMBERS else float(text)


def whole_network(events: Sequence[MaskEvent]) -> list[MaskEvent]:
    """Return the rows of all weights together, one an event."""
    return [event for event in events if event.layer == WHOLE]
