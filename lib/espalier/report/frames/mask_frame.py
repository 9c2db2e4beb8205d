"""The mask events of a sweep as a frame."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from espalier.report.comparing.opened_sweeps import OpenedSweep
from espalier.report.frames.sweep_frames import configuration_names, setting_columns
from espalier.report.frames.typed_columns import frame, setting_column
from espalier.report.masks.logged_masks import logs_masks
from espalier.report.tables.trial_tables import open_folders, read_table
from espalier.train.masks.mask_table import COLUMNS, TABLE, read_mask_events

if TYPE_CHECKING:
    import pandas as pd

FLOATS = (
    *("churn", "jaccard_before", "jaccard_magnitude", "density", "explored"),
    "milliseconds",
)


def mask_frame(sweep: OpenedSweep) -> pd.DataFrame:
    """Return a row for each layer, and for all together, of each logged event of each trial.

    Before the columns of the table stand `config_file`, `configuration`, `seed` and the swept
    symbols. The `layer` of the row of all weights together is empty.
    """
    import pandas as pd

    names, pairs = configuration_names(sweep.results), []
    if logs_masks(sweep.header):
        folders = open_folders(sweep.folder)
        for item in sweep.results:
            rows = read_table(folders.path(item, TABLE), read_mask_events)
            pairs += [(item, asdict(row)) for row in rows or []]
    columns: dict[str, Any] = {
        "config_file": [item.trial.name for item, _ in pairs],
        "configuration": [names[item.trial.number] for item, _ in pairs],
        "seed": setting_column([item.seed or None for item, _ in pairs]),
    }
    columns |= setting_columns([item.trial.swept for item, _ in pairs])
    for name in COLUMNS:
        values = [row[name] for _, row in pairs]
        columns[name] = pd.Series(values, dtype="float64") if name in FLOATS else values
    return frame(columns, len(pairs))
