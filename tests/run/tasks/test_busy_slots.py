"""The slots at work: what runs in them, and what is broken off."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_sweep import trial

from espalier.core.trial import RUNG, Result, Status, Task
from espalier.run.tasks import busy_slot
from espalier.run.tasks.busy_slots import BusySlots

AT_RUNG = Result(Status.STOPPED, RUNG)


def task(*numbers: int) -> Task:
    trials = tuple(trial(number) for number in numbers)
    return Task(trials, {}, (Path(),) * len(trials), (1,) * len(trials))


def test_a_slot_is_free_after_the_last_trial_of_its_task() -> None:
    slots = BusySlots(lambda slot: None, limit=0)
    slots.begin(3, task(1, 2))
    assert slots and list(slots) == [3] and slots.numbers == {3: [1, 2]}
    busy, ended = slots.end(3, 1)
    assert (busy.size, ended.number, slots.numbers) == (2, 1, {3: [2]})
    slots.end(3, 2)
    assert not slots and slots.numbers == {}


def test_a_record_is_the_progress_of_its_task() -> None:
    slots = BusySlots(lambda slot: None, limit=0)
    slots.begin(0, task(1))
    slots.record(0, 1, {"epoch": 1, "epochs": 4})
    assert [busy.progress.share for busy in slots.tasks] == [0.25]


def test_a_task_is_broken_off_with_all_that_still_run_in_it() -> None:
    killed: list[int] = []
    slots = BusySlots(killed.append, limit=0)
    slots.begin(0, task(1))
    slots.begin(1, task(2, 3, 4))
    slots.end(1, 3)
    assert slots.break_off_at_rung({2: AT_RUNG, 3: AT_RUNG}) == [(1, 2, AT_RUNG), (1, 4, AT_RUNG)]
    assert killed == [1]


def test_nothing_is_late_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(busy_slot.time, "monotonic", lambda: now[0])
    killed: list[int] = []
    endless, limited = BusySlots(killed.append, limit=0), BusySlots(killed.append, limit=10)
    for slots in (endless, limited):
        slots.begin(0, task(1, 2))  # two trials may take 20 s
        slots.begin(1, task(3))
    now[0] = 10.5
    assert endless.break_off_late() == []
    assert [(slot, number) for slot, number, _ in limited.break_off_late()] == [(1, 3)]
    assert killed == [1]
