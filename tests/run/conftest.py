"""Fixtures of the tests of sweeps."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from signal import Signals
from typing import Any

import fake_sweep
import pytest

from espalier.core.trial import Trial


@pytest.fixture
def start(spawn: Callable[..., subprocess.Popen[str]]) -> fake_sweep.Start:
    """Start `fake_sweep.request` as a process, see `spawn`; its output is one pipe."""

    def begin(
        results: Path, trials: Sequence[Trial], ignored: Collection[Signals] = (), **changes: Any
    ) -> subprocess.Popen[str]:
        return spawn(
            fake_sweep.command(results, trials, **changes),
            ignored,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(fake_sweep.HERE)},
        )

    return begin
