from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from script_trials import ESCAPING, gone, noted

from espalier.core.process.descendants import descendants, end_marked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is that of Linux")
CODE = """
import subprocess, sys, os
from pathlib import Path
from espalier.core.process.descendants import adopt_orphans, descendants, end_children
adopt_orphans()
subprocess.Popen(["sh", "-c", sys.argv[1]]).wait()
while len(Path("pids").read_text().splitlines()) < 2:  # both have begun, and have said so
    pass
assert len(list(descendants(os.getpid()))) >= 2
end_children()
print(list(descendants(os.getpid())))
"""


def test_descendants_are_children_and_theirs() -> None:
    shell = subprocess.Popen(["sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE)
    assert shell.stdout is not None
    child = int(shell.stdout.readline())
    try:
        assert [*descendants(shell.pid)] == [child]
        assert {shell.pid, child} <= {*descendants(os.getpid())}
        assert [*descendants(child)] == []
    finally:
        os.kill(child, 9)
        shell.communicate()


def test_all_of_them_end_daemons_included(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", CODE, ESCAPING]
    assert subprocess.check_output(command, cwd=tmp_path) == b"[]\n"
    assert [gone(process) for process in noted(tmp_path, 2)] == [True, True]


def test_those_with_a_mark_end_whoever_their_parent_is(tmp_path: Path) -> None:
    shells = [
        subprocess.Popen(["sleep", "600"], env={**os.environ, "MARK": mark})
        for mark in (str(tmp_path), f"{tmp_path}/other")
    ]
    try:
        end_marked("MARK", str(tmp_path))
        assert shells[0].wait(20) == -9
        assert shells[1].poll() is None
    finally:
        for shell in shells:
            shell.kill()
            shell.wait()
