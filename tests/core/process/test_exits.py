from __future__ import annotations

from pathlib import Path

import pytest

from espalier.core.process.exits import describe_exit, last_line

WARNING = "[rank0]:[W1121 14:49:04.145118120 reducer.cpp:1545] Warning: beside the point\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("first\n  last \n\n", "last"),
        ("", "nothing is said in output.log"),
        ("last\n" + WARNING, "last"),
        ("== config_001 attempt 1, Sat Nov 21\n" + WARNING, "nothing is said in output.log"),
        ("epoch 3/20: train_loss=1\n", "nothing is said in output.log"),
        ("x" * 400, "x" * 300),
    ],
)
def test_the_last_line_with_a_message(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "output.log").write_text(text, encoding="utf-8")
    assert last_line(tmp_path / "output.log") == words


def test_what_is_before_the_start_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text("first\nsecond\n", encoding="utf-8")
    assert last_line(tmp_path / "output.log", start=6) == "second"
    assert last_line(tmp_path / "output.log", start=13) == "nothing is said in output.log"
    assert last_line(tmp_path / "output.log", start=99) == "nothing is said in output.log"


def test_a_log_that_is_missing(tmp_path: Path) -> None:
    assert last_line(tmp_path / "none.log") == "none.log is missing"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exited with code 0"),
        (7, "exited with code 7"),
        (-9, "was killed by signal 9 (SIGKILL)"),
        (-40, "was killed by signal 40"),
    ],
)
def test_exits_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words
