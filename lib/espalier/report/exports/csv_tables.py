"""The frames of a sweep as CSV: trials, history, configurations, and how to read them.

Plain `pandas.read_csv` guesses types and takes the text `NA` for a missing value. columns.json has
the arguments with which it gives back the frames as they were.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espalier.core.atomic_write import atomic_write
from espalier.report.comparing.opened_sweeps import OpenedSweep
from espalier.report.exports.export_loop import ReadBackError
from espalier.report.frames.mask_frame import mask_frame
from espalier.report.frames.sweep_frames import configurations_frame, history_frame, trials_frame
from espalier.report.masks.logged_masks import logs_masks

if TYPE_CHECKING:  # its import would take half a second
    import pandas as pd

COLUMNS = "columns.json"
MISSING = ("", "NA")
"""What stands for a missing value, where no value of the column is that."""
TEXT = "str"
Arguments = dict[str, Any]


def frames_of(sweep: OpenedSweep) -> dict[str, pd.DataFrame]:
    """Return the frames that `espalier.load_sweep` gives, by the names of their files.

    Mask events are among them where the sweep logs them.
    """
    masks = {"mask_events.csv": mask_frame(sweep)} if logs_masks(sweep.header) else {}
    return {
        "trials.csv": trials_frame(sweep),
        "history.csv": history_frame(sweep),
        "configurations.csv": configurations_frame(sweep.ranking),
        **masks,
    }


def write_csv(frames: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write frames and columns.json, each file whole or not at all, and read them back.

    Raises ReadBackError if pandas gives one back otherwise, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = {name: _plain(frame) for name, frame in frames.items()}
    columns = {name: _arguments(frame) for name, frame in written.items()}
    for name, frame in written.items():
        atomic_write(folder / name, _text(frame, columns[name]))
    atomic_write(folder / COLUMNS, json.dumps(columns, indent=1) + "\n")
    for name, read in read_csv(folder).items():
        if not written[name].equals(read):
            lost = [key for key in written[name] if not written[name][key].equals(read.get(key))]
            raise ReadBackError(f"{folder / name}: pandas reads {', '.join(lost)} otherwise")


def read_csv(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the frames of a folder that `write_csv` wrote, by file; lists are texts of JSON."""
    import pandas as pd

    columns = json.loads((folder / COLUMNS).read_text(encoding="utf-8"))
    return {name: pd.read_csv(folder / name, **given) for name, given in columns.items()}


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with JSON in place of what is no number and no text: lists of a history."""
    plain = frame.copy()
    for name, column in frame.items():
        if str(column.dtype) == "object":
            plain[name] = column.map(_json, na_action="ignore").astype(TEXT)
    return plain


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _arguments(frame: pd.DataFrame) -> Arguments:
    """Return the arguments of `pandas.read_csv` that give a frame back."""
    return {
        "header": 0,
        "names": list(frame),
        "dtype": {name: str(column.dtype) for name, column in frame.items()},
        "keep_default_na": False,
        "na_values": {name: [_marker(column)] for name, column in frame.items()},
        "index_col": False,
        "encoding": "utf-8",
    }


def _marker(column: pd.Series[Any]) -> str:
    """Return what stands for a missing value in a column: what none of its texts is."""
    texts = set(column.dropna()) if str(column.dtype) == TEXT else set()
    marks = itertools.chain(MISSING, (f"missing {n}" for n in itertools.count()))
    return next(mark for mark in marks if mark not in texts)


def _text(frame: pd.DataFrame, arguments: Arguments) -> str:
    """Return the text of a file. Texts are in quotes, so that none is taken for another thing."""
    written = frame.copy()
    for name, (mark,) in arguments["na_values"].items():
        if str(frame[name].dtype) == TEXT:
            written[name] = frame[name].fillna(mark)
    return str(written.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC))
