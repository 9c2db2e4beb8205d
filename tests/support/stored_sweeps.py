"""A sweep's folder as the runner leaves it, from results made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from espalier.analysis.rank import TrialResult
from espalier.core.records import PlanHeader
from espalier.store.store import Store


def stored(
    folder: Path, results: list[TrialResult], by: str = "val_acc", refused: int = 0, **more: Any
) -> Path:
    """A sweep's folder holding `results`, as the runner leaves it."""
    folder.mkdir(parents=True)
    planned = [(item.trial, "", f"{item.trial.name}_mlp") for item in results]
    counts = {"invalid": refused}
    header = PlanHeader.from_json({"settings": {"RANK_BY": by}, "counts": counts, **more})
    Store.create(folder / "sweep.db", header, planned)
    with Store.open(folder / "sweep.db") as store, store.writing():
        for item in results:
            for _ in range(item.attempts):
                attempt = store.begin([item.trial.number], 1, "cpu")[item.trial.number]
                store.finish(item.trial.number, attempt, item.result)
    return folder
