"""Output that cannot be written, or that nobody reads."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from espalier.core.process import standard_streams
from espalier.core.process.standard_streams import TolerantStream


def test_what_cannot_be_written_is_dropped_and_what_follows_is_not() -> None:
    stream = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    full = os.open("/dev/full", os.O_WRONLY)
    nowhere = os.dup(stream.fileno())
    tolerant = TolerantStream(stream)
    os.dup2(full, stream.fileno())
    print("lost", file=tolerant)
    tolerant.flush()
    os.dup2(nowhere, stream.fileno())
    stream.close()  # raises if "lost" were still in its buffer
    print("closed", file=tolerant)
    for descriptor in (full, nowhere):
        os.close(descriptor)


def test_a_character_without_an_encoding_is_its_escape() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "ascii")
    print("\u00e9 \udce9", file=TolerantStream(stream))
    assert raw.getvalue() == b"\\xe9 \\udce9\n"


def test_a_reader_that_does_not_read_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standard_streams, "_GRACE", 0.0)
    ours, theirs = os.pipe()
    stream = os.fdopen(theirs, "w", encoding="utf-8")
    tolerant = TolerantStream(stream)
    lines = [f"{number:099}" for number in range(3000)]  # five times what a pipe holds
    for line in lines:
        print(line, file=tolerant)
    tolerant.drain(lambda: True)
    seen = os.read(ours, 1 << 20)
    while not seen.endswith(b"2999\n"):
        tolerant.flush()
        seen += os.read(ours, 1 << 20)
    assert seen.decode().split() == lines
    os.close(ours)
    stream.close()


@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full"])
def test_closed_and_full_streams_are_no_traceback(redirect: str) -> None:
    code = (
        "from espalier.core.process import standard_streams as s; s.repair(); import os, sys\n"
        "assert os.open('/dev/null', os.O_RDONLY) > 2\n"
        "with s.tolerant(): print('out'); print('err', file=sys.stderr)\n"
        "sys.stdin.read(); sys.exit(7)\n"
    )
    shell = ["sh", "-c", f'"$0" -c "$1" {redirect}', sys.executable, code]
    done = subprocess.run(shell, capture_output=True, text=True, input="", check=False)
    assert done.returncode == 7
    written = ("out\n" * (redirect[0] != ">"), "err\n" * ("2>" not in redirect))
    assert (done.stdout, done.stderr) == written


def test_an_error_of_stdout_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = os.fdopen(os.open("/dev/full", os.O_WRONLY), "w", encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    stream.write("text")
    error = standard_streams.flush()
    assert error is not None and error.filename == "standard output"
    assert standard_streams.flush() is None
    stream.close()
