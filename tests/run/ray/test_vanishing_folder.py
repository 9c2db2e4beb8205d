"""A temporary folder goes with its block, and with its process."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from espalier.run.ray.vanishing_folder import vanishing

DEADLINE = 20.0  # seconds that a healthy machine never needs
KILLED = """
import os, signal
from espalier.run.ray.vanishing_folder import VanishingFolder
folder = VanishingFolder(os.environ["ABOVE"])
(folder.path / "file").write_text("")
print(folder.path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_with_its_block(tmp_path: Path) -> None:
    with vanishing(str(tmp_path)) as folder:
        (folder / "inner").mkdir()
        assert folder.parent == tmp_path
    assert not folder.exists()


def test_it_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED]
    done = subprocess.run(command, env={"ABOVE": str(tmp_path)}, capture_output=True, text=True)
    folder, end = Path(done.stdout.strip()), time.monotonic() + DEADLINE
    assert folder.parent == tmp_path, done.stderr
    while folder.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
