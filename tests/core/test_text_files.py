from __future__ import annotations

from pathlib import Path

import pytest

from espalier.core.text_files import read_text, split_lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\rc\n", ["a", "b", "c"]),
        ("\n\n", ["", ""]),
        ("\r\n", [""]),
        *((f"# a{end}b\nc", [f"# a{end}b", "c"]) for end in "\v\f\x1c\x1d\x1e\x85\u2028\u2029"),
    ],
)
def test_only_newlines_and_returns_end_a_line(text: str, lines: list[str]) -> None:
    assert split_lines(text) == lines


def test_text_is_utf_8_with_or_without_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "text"
    for mark in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(mark + "# Préset\r\nA\rB\n".encode())
        assert read_text(path) == "# Préset\nA\nB\n"
    path.write_bytes(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        read_text(path)
