from __future__ import annotations

import io
import sys

import pytest

from espalier.core.process import terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 数 😀", "plain é 数 😀"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("a\rb\n\tc\x00\x7f\x9b", r"a\rb\n\tc\x00\x7f\x9b"),
        ("\u202eabc\u2028\ufeff", r"\u202eabc\u2028\ufeff"),
        ("\udcff", r"\udcff"),
    ],
)
def test_what_steers_a_terminal_is_shown(text: str, shown: str) -> None:
    assert terminal.printable(text) == shown
    assert terminal.printable_lines(text) == shown.replace(r"\n", "\n").replace(r"\t", "\t")


def test_whatever_is_printed_is_printable(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    with terminal.printable_output():
        print("a\x1b[2Jb\n\tc")
        print("\x9b1m", file=sys.stderr)
        sys.stdout.writelines(["\x07", "x\n"])
        terminal.drawing_file().write("\x1b[1mdrawn\n")
        with terminal.printable_output():
            print("\x1b")
    assert sys.stdout is before
    out, err = capsys.readouterr()
    assert out == "a\\x1b[2Jb\n\tc\n\\x07x\n\x1b[1mdrawn\n\\x1b\n"
    assert err == "\\x9b1m\n"


def test_what_a_stream_cannot_encode_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding="latin-1"))
    monkeypatch.setattr(sys, "stderr", None)  # it was closed
    with terminal.printable_output():
        print("é 数 \udcff", flush=True)
    assert buffer.getvalue() == b"\xe9 \\u6570 \\udcff\n"
