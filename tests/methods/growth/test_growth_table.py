"""The table of growth, read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.methods.growth.growth_table import TABLE, GrowthStep, read_growth

HEAD = "op,where,units,parents,added,dropped,live,step\n"


def table(folder: Path, text: str) -> Path:
    path = folder / TABLE
    path.write_text(text, encoding="utf-8")
    return path


def test_operations_of_one_step_are_one_change(tmp_path: Path) -> None:
    rows = "add_edges,0_1,,,44,0,162,78\nadd_edges,1_2,,,15,2,175,78\ngrow,0_1,,,54,0,229,780\n"
    steps = read_growth(table(tmp_path, HEAD + rows))
    assert steps == [GrowthStep(78, 175, 59, 2), GrowthStep(780, 229, 54, 0)]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", HEAD + "add,0_1,,,many,0,1,2\n", HEAD + "add\n"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="not the table of growth"):
        read_growth(table(tmp_path, text))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / TABLE
    path.write_bytes(b"op,step\n\xff\xfe,1\n")
    with pytest.raises(UserError, match="not the table of growth"):
        read_growth(path)
