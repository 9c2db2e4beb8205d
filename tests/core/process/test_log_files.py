"""A log keeps its head and its tail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from espalier.core.process.log_files import open_log, trim

HEAD = "".join(f"{number:09}\n" for number in range(20))  # 10 bytes a line


def test_the_middle_of_a_large_log_is_left_out_and_counted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(HEAD, encoding="utf-8")
    trim(log, limit=200, kept=50)
    assert log.read_text(encoding="utf-8") == HEAD
    trim(log, limit=199, kept=55)
    mark = "== {} bytes are left out here: a log keeps its first and its last 5.24521e-05 MiB\n"
    assert log.read_text(encoding="utf-8") == HEAD[:50] + mark.format(100) + HEAD[150:]
    with open_log(log) as file:
        file.write(HEAD.encode())
    trim(log, limit=199, kept=55)
    assert log.read_text(encoding="utf-8") == HEAD[:50] + mark.format(300) + HEAD[150:]


def test_a_line_without_end_is_cut_too(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 300)
    trim(log, limit=100, kept=10)
    assert log.read_bytes().startswith(b"x" * 10 + b"\n== 280 bytes are left out here: ")
    assert log.read_bytes().endswith(b"\n" + b"x" * 10)


def test_what_is_no_plain_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    pipe, folder = tmp_path / "pipe", tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()
    with pytest.raises(OSError, match="must be a plain file"):
        open_log(pipe)
    with pytest.raises(IsADirectoryError):
        open_log(folder)
    for path in (pipe, folder, tmp_path / "none"):
        trim(path, limit=0)
