"""The lines of a view: what fits, and what is said where less does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.core.records import EpochRecord
from espalier.core.trial import Status
from espalier.run.displays.live_view import FailedAttempts, LiveView, Room, count_cells, lay_out
from espalier.store.sweep_state import SweepStatus, TaskProgress


def sweep(*names: str, left: int = 1) -> SweepStatus:
    record = EpochRecord(epoch=4, epochs=20)
    tasks = tuple(TaskProgress(name, record, 2.0, left, left) for name in names)
    return SweepStatus({Status.PASSED: 12, Status.NOTRUN: 24}, tasks, 2, None)


def failed(count: int) -> FailedAttempts:
    last = tuple(f"config_{n:03} error" for n in range(1, count + 1))
    return FailedAttempts(count, last[-3:])


NAMES = tuple(f"config_{n:03}" for n in range(1, 11))


@pytest.mark.parametrize(
    ("columns", "text", "bar"),
    [
        (200, "12/36 done (12 passed), 10 running  ETA 40.0s", 30),  # (10 * 8 + 24 * 10) / 8
        (66, "12/36 done (12 passed), 10 running  ETA 40.0s", 20),
        (55, "12/36 done (12 passed), 10 running  ETA 40.0s", 0),
        (44, "12/36 done  ETA 40.0s", 22),
        (20, "12/36 ETA 40.0s", 0),
        (14, "12/36 40.0s", 0),
        (6, "12/36", 0),
        (4, "1...", 0),
    ],
)
def test_the_whole_sweep_is_said_as_there_is_room(columns: int, text: str, bar: int) -> None:
    status = SweepStatus(sweep().counts, sweep(*NAMES).running, 8, None)
    view = lay_out(status, failed(0), Room(columns, 24))
    assert (view.overall, view.bar) == (text, bar)


def test_a_pack_is_a_line_and_all_of_its_trials_are_counted() -> None:
    view = lay_out(sweep("config_001 +15", "config_017 +15", left=16), failed(0), Room(80, 3))
    assert view.tasks == ("config_001 +15 epoch 4/20  2.0s", "config_017 +15 epoch 4/20  2.0s")
    view = lay_out(sweep(*["config_001 +15"] * 9, left=16), failed(0), Room(80, 3))
    assert view.tasks == ("config_001 +15 epoch 4/20  2.0s", "and 128 more running")
    assert "144 running" in view.overall


def rows(view: LiveView) -> tuple[int, int]:
    return len(view.tasks), len(view.failures)


@pytest.mark.parametrize(
    ("height", "running", "failures", "shared"),
    [
        (1, 10, 9, (0, 0)),
        (2, 10, 9, (1, 0)),
        (3, 10, 9, (1, 1)),
        (6, 10, 9, (4, 1)),
        (10, 10, 9, (6, 3)),
        (15, 10, 9, (10, 4)),
        (40, 10, 9, (10, 4)),
        (10, 2, 9, (2, 4)),
        (10, 10, 0, (9, 0)),
        (10, 0, 2, (0, 3)),
        (2, 0, 2, (0, 1)),
        (10, 10, 1, (7, 2)),
    ],
)
def test_tasks_and_failures_share_the_rows(
    height: int, running: int, failures: int, shared: tuple[int, int]
) -> None:
    view = lay_out(sweep(*NAMES[:running]), failed(failures), Room(80, height))
    assert rows(view) == shared


@pytest.mark.parametrize(
    ("height", "lines"),
    [
        (3, ["failed attempts: 9; config_009 error"]),
        (8, ["failed attempts: 9, the last 1:", "config_009 error"]),
        (40, ["failed attempts: 9, the last 3:", *(f"config_00{n} error" for n in (7, 8, 9))]),
    ],
)
def test_failures_are_counted_and_the_last_ones_named(height: int, lines: list[str]) -> None:
    assert list(lay_out(sweep(*NAMES), failed(9), Room(80, height)).failures) == lines


@given(
    names=st.lists(st.text(max_size=60), max_size=12),
    last=st.lists(st.text(max_size=300), max_size=3),
    columns=st.integers(1, 120),
    height=st.integers(1, 40),
    encoding=st.sampled_from(["utf-8", "ascii", "latin-1"]),
)
def test_no_line_is_wider_and_no_view_taller_than_its_room(
    names: list[str], last: list[str], columns: int, height: int, encoding: str
) -> None:
    failures = FailedAttempts(len(last), tuple(last))
    view = lay_out(sweep(*names), failures, Room(columns, height, encoding))
    lines = [view.overall, *view.tasks, *view.failures]
    assert len(lines) <= height and len(view.cells) == len(lines)
    assert max(view.cells) <= columns
    assert all(line.isprintable() or not line.isascii() for line in lines)
    assert all("\n" not in line and "\x1b" not in line for line in lines)
    for line in lines:
        line.encode(encoding)


def test_what_is_not_ascii_may_take_two_columns() -> None:
    assert count_cells("ab日é") == 6
