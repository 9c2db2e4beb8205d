from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from espalier.plan import drafts

GONE = 999_999_999
"""A number that no process has: it is above what Linux allows."""


@pytest.mark.parametrize("mask", [0o077, 0o022, 0o002])
def test_a_new_folder_has_the_permissions_of_any_other(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        draft = drafts.create(tmp_path / "out")
        (draft / "config_001").touch()
        drafts.swap(draft, tmp_path / "out")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o777 & ~mask
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_draft_of_a_killed_process_goes_at_once_and_that_of_a_living_one_stays(
    tmp_path: Path,
) -> None:
    create = f"drafts.create(Path({str(tmp_path / 'out')!r}))"
    program = f"from pathlib import Path; from espalier.plan import drafts; {create}"
    subprocess.run([sys.executable, "-P", "-c", program], check=True)
    mine = drafts.create(tmp_path / "out")
    other = drafts.create(tmp_path / "other")
    drafts.sweep_up(tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == sorted([mine, other])


@pytest.mark.parametrize(
    ("writer", "age", "goes"),
    [
        (f"{socket.gethostname()}-{GONE}-ab", 0, True),
        (f"elsewhere-{GONE}-ab", 0, False),
        (f"elsewhere-{GONE}-ab", 4000, True),
        ("x8kq2_", 0, False),  # of earlier versions
        ("x8kq2_", 4000, True),
        (f"{socket.gethostname()}-{os.getpid()}-ab{drafts.RETIRED}", 0, True),
    ],
    ids=["gone", "elsewhere", "elsewhere, old", "earlier version", "earlier, old", "retired"],
)
def test_whose_draft_goes(tmp_path: Path, writer: str, age: int, goes: bool) -> None:
    draft = tmp_path / f".out.{writer}"
    draft.mkdir()
    when = draft.stat().st_mtime - age
    os.utime(draft, (when, when))
    drafts.sweep_up(tmp_path / "out")
    assert draft.exists() != goes
