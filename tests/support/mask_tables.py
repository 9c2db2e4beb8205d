"""Tables of mask events made by hand, in the folders of a stored sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stored_sweeps import stored
from trial_results import sweep

from espalier.train.masks.mask_table import TABLE, MaskEvent, write_mask_events

HOSTILE = '</script><img src=x onerror=alert(1)>"$x^$ \\ é 🙂'


def _event(step: int, layer: str, size: int, live: int, moved: tuple[int, int]) -> MaskEvent:
    added, removed = moved
    return MaskEvent(
        event=step // 10,
        step=step,
        layer=layer,
        size=size,
        live=live,
        added=added,
        removed=removed,
        churn=(added + removed) / size,
        jaccard_before=(live - added) / (live + removed),
        jaccard_magnitude=0.5,
        density=live / size,
        digest=f"{step:016x}",
    )


def _group(
    step: int, lives: tuple[int, int], moved: tuple[int, int], ends: tuple[float, float, float]
) -> list[MaskEvent]:
    """An event of two layers of eight weights; what moved, moved in the first of them."""
    magnitude, explored, milliseconds = ends
    layers = [
        _event(step, HOSTILE, 8, lives[0], moved),
        _event(step, "1.weight", 8, lives[1], (0, 0)),
    ]
    whole = _event(step, "", 16, sum(lives), moved)
    whole = replace(whole, jaccard_magnitude=magnitude)
    return [*layers, replace(whole, explored=explored, milliseconds=milliseconds)]


BEFORE_TRAINING = _group(0, (4, 4), (0, 8), (1 / 3, 0.0, 3.0))
EVENTS = [
    *BEFORE_TRAINING,
    *_group(10, (2, 6), (2, 2), (0.6, 0.5, 1.0)),
    *_group(20, (4, 4), (1, 1), (1.0, 0.75, 2.0)),
]


def sweep_with_masks(
    folder: Path,
    names: Sequence[str],
    events: Sequence[MaskEvent] = EVENTS,
    logs: str = "y",
    **measures: float,
) -> Path:
    """Two configurations of two seeds, the second the better one; some left a table.

    All have `measures` beside their accuracy.
    """
    settings = {"RANK_BY": "val_acc", "MASK_LOG": logs}
    results = sweep({"0.85": [90.0, 91.0], "0.9": [95.0, 96.0]})
    for item in results:
        item.result.measures.update(measures)
    made = stored(folder / "sweep_1", results, settings=settings)
    for name in names:
        leave_masks(made, name, events)
    return made


def leave_masks(folder: Path, name: str, events: Sequence[MaskEvent]) -> None:
    """Leave a table in the folder of a trial."""
    place = folder / f"{name}_mlp"
    place.mkdir(exist_ok=True)
    write_mask_events(place / TABLE, events)
