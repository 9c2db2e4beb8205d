from __future__ import annotations

from pathlib import Path

import pytest

from espalier.scripts.epoch_records import BadMeasureError
from espalier.scripts.programs.measures_file import MeasuresFile


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_lines_are_read_as_they_are_completed(tmp_path: Path) -> None:
    path = tmp_path / "measures.jsonl"
    file = MeasuresFile(path)
    assert list(file.records()) == []
    append(path, '{"a": 1}\n{"b"')
    assert list(file.records()) == [{"a": 1}]
    append(path, ": 2}\n\n")
    assert list(file.records()) == [{"b": 2}]
    append(path, '{"c": 3}')
    assert list(file.records()) == []
    assert list(file.records(ended=True)) == [{"c": 3}]


def test_what_earlier_attempts_left_is_apart(tmp_path: Path) -> None:
    path = tmp_path / "measures.jsonl"
    path.write_text('{"a": 1}\nnonsense\n{"b": 2}\n{"broken', encoding="utf-8")
    file = MeasuresFile(path)
    assert file.earlier() == [{"a": 1}, {"b": 2}]
    append(path, '{"c": 3}\n')
    assert list(file.records()) == [{"c": 3}]
    assert file.earlier() == [{"a": 1}, {"b": 2}]


def test_a_file_that_the_program_removes_or_writes_anew(tmp_path: Path) -> None:
    path = tmp_path / "measures.jsonl"
    file = MeasuresFile(path)
    append(path, '{"a": 1, "long": 1234567890}\n')
    assert len(list(file.records())) == 1
    path.unlink()
    assert list(file.records()) == []
    append(path, '{"b": 2}\n{"broken')
    assert list(file.records()) == [{"b": 2}]
    path.write_text('{"c": 3}\n', encoding="utf-8")
    assert list(file.records()) == [{"c": 3}]


def test_matches_of_a_pattern_are_kept_there_too(tmp_path: Path) -> None:
    file = MeasuresFile(tmp_path / "measures.jsonl")
    file.append([{"val_loss": float("nan"), "epoch": 1}])
    (record,) = file.records()
    assert record["epoch"] == 1
    assert str(record["val_loss"]) == "nan"


@pytest.mark.parametrize("line", ["nonsense", "3", "[1]", "[" * 5000, "\udcff", "<b>" * 5000])
def test_a_line_that_is_no_object_is_one_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "measures.jsonl"
    file = MeasuresFile(path)
    path.write_bytes(line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(BadMeasureError, match="a line must be an object such as") as caught:
        list(file.records())
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
