"""Requests to stop: which are noted, which raise, and which are the same one twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from espalier.core.process import stop_signals

BEGIN = "import os, signal, sys, time; from espalier.core.process import stop_signals as s\n"
SEND = "def send(): os.kill(os.getpid(), signal.SIGTERM)\n"


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    """No signal is ignored, even where the tests were started with some ignored."""
    before = {number: signal.getsignal(number) for number in stop_signals.STOPPING}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No two signals are one request."""
    monkeypatch.setattr(stop_signals, "SAME_REQUEST", 0.0)
    yield


def send(number: signal.Signals = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", stop_signals.STOPPING)
def test_a_request_is_noted_and_belongs_to_its_block(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_signals.noting():
        assert not stop_signals.requested()
        send(number)
        assert stop_signals.requested()
        with pytest.raises(KeyboardInterrupt):
            stop_signals.check()
    assert not stop_signals.requested()
    assert signal.getsignal(number) == before


def test_what_comes_within_a_second_is_the_same_request() -> None:
    with stop_signals.noting():
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP):
            send(number)


@pytest.mark.usefixtures("at_once")
def test_a_request_beyond_the_patience_raises() -> None:
    with stop_signals.noting():
        with pytest.raises(KeyboardInterrupt), stop_signals.patience(0):
            send()
        with stop_signals.patience(2):
            send()


@pytest.mark.parametrize(
    ("code", "returned"),
    [
        ("s.SAME_REQUEST = 0.0; s.install(2)\nfor _ in range(3): send()", 130),
        ("s.install(1); send(); s.raise_at_once()", 1),  # as KeyboardInterrupt, which it prints
        ("s.install(1); send(); s.ignore(); send(); sys.exit(7)", 7),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN); s.install(0); send(); sys.exit(7)", 7),
    ],
)
def test_a_program_ends_as_it_is_asked_to(code: str, returned: int) -> None:
    command = [sys.executable, "-c", BEGIN + SEND + code]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == (-signal.SIGINT if returned == 1 else returned)
