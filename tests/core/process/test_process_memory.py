from __future__ import annotations

import os
from pathlib import Path

import pytest

from espalier.core.process import process_memory
from espalier.core.process.process_memory import PrivateMemory

STATUS = """\
Name:	python
State:	S (sleeping)
VmHWM:	   5000 kB
RssAnon:	   {anon} kB
RssFile:	    900 kB
RssShmem:	    100 kB
"""


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(process_memory, "_PROC", tmp_path)
    (tmp_path / "7").mkdir()
    return tmp_path


@pytest.mark.parametrize(("anon", "peak"), [(3000, 4000), (4500, 4500)])
def test_what_is_shared_does_not_count(proc: Path, anon: int, peak: int) -> None:
    (proc / "7/status").write_text(STATUS.format(anon=anon), encoding="utf-8")
    assert process_memory.private_memory(7) == PrivateMemory(anon * 1024, peak * 1024)


def test_a_process_that_has_ended_holds_nothing(proc: Path) -> None:
    assert (
        process_memory.private_memory(8) == process_memory.private_memory(7) == PrivateMemory(0, 0)
    )


def test_what_the_kernel_killed(proc: Path) -> None:
    assert process_memory.kills() == 0
    (proc / "vmstat").write_text("pgfault 12\noom_kill 3\n", encoding="utf-8")
    assert process_memory.kills() == 3


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="no /proc")
def test_this_process_holds_something() -> None:
    memory = process_memory.private_memory(os.getpid())
    assert 0 < memory.now <= memory.peak
