from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Mapping

import pytest

from espalier.scripts.programs.output_pattern import OutputPattern, compile_pattern
from espalier.scripts.programs.output_tap import OutputTap

LINE = b"loss=0.5\n"
PIECE = 1 << 16


def test_output_goes_on_and_its_matches_are_reported(capfd: pytest.CaptureFixture[str]) -> None:
    records: list[Mapping[str, float]] = []
    pattern = OutputPattern(compile_pattern(r"loss=(?P<val_loss>\S+)"))
    with OutputTap.opened(pattern, records.extend) as tap:
        assert not tap.pass_on()
        os.write(tap.output, b"noise\n" + LINE + b"loss=0.25")
        assert tap.pass_on()
        assert records == [{"val_loss": 0.5}]
        tap.release()
        tap.finish()
        assert tap.ended
    assert records == [{"val_loss": 0.5}, {"val_loss": 0.25}]
    assert capfd.readouterr().out == "noise\nloss=0.5\nloss=0.25"


@pytest.mark.skipif(sys.platform != "linux", reason="pipes have their size on Linux alone")
def test_a_program_that_prints_without_end_holds_nothing_up(
    capfd: pytest.CaptureFixture[str],
) -> None:
    pattern = OutputPattern(compile_pattern(r"loss=(?P<val_loss>\S+)"))
    with OutputTap.opened(pattern, lambda _: None) as tap:
        fcntl.fcntl(tap.output, fcntl.F_SETPIPE_SZ, 4 * PIECE)
        os.write(tap.output, b"x" * (2 * PIECE))
        assert tap.pass_on()
        assert len(capfd.readouterr().out) == PIECE  # the rest in another call
        tap.release()
        tap.finish()
    assert len(capfd.readouterr().out) == PIECE
