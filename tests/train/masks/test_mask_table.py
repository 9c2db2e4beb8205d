"""The table of mask events: what is written is what is read, whatever the names."""

from __future__ import annotations

from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.train.masks.mask_table import (
    COLUMNS,
    MaskEvent,
    read_mask_events,
    whole_network,
    write_mask_events,
)

HOSTILE = '</script><img src=x onerror=1>,"$x^$\n=1+1\\ é 🙂'


def event(layer: str, number: int = 0, **more: float) -> MaskEvent:
    return MaskEvent(number, 7, layer, 8, 3, 1, 2, 0.375, 0.4, 1 / 3, 0.375, "0f" * 8, **more)


def test_events_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [event(HOSTILE), event("", explored=0.1, milliseconds=2.5), event("a" * 10_000, 1)]
    write_mask_events(tmp_path / "t.csv", rows)
    assert read_mask_events(tmp_path / "t.csv") == rows
    assert whole_network(rows) == [rows[1]]


def test_a_run_without_events_leaves_a_head(tmp_path: Path) -> None:
    write_mask_events(tmp_path / "t.csv", [])
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == ",".join(COLUMNS) + "\n"
    assert read_mask_events(tmp_path / "t.csv") == []


@pytest.mark.parametrize("text", ["a,b\n1,2\n", ",".join(COLUMNS) + "\n1\n", "\0", "event\nx\n"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    if text == "\0":
        assert read_mask_events(path) == []
        return
    with pytest.raises(UserError, match=r"t\.csv: not the table of mask events"):
        read_mask_events(path)
