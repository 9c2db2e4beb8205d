"""Tasks in line: how many, and that each trial runs once, whatever is before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_sweep import HERE, request, trial
from running_sweeps import attempts

from espalier.core.errors import UserError
from espalier.core.trial import Status, Task
from espalier.run import launch, runner
from espalier.run.packing.short_tasks import MOST, SEEN, ShortTasks
from espalier.run.supplies import supply_choice
from espalier.run.supplies.supply import Growth, Supply, Vacancy
from espalier.run.tasks.busy_slot import Ended
from espalier.store.results_dir import SweepDir
from espalier.store.store import Store


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def after(*durations: float) -> ShortTasks:
    short = ShortTasks()
    for seconds in durations:
        short.add_duration(seconds)
    return short


@pytest.mark.parametrize(
    ("seconds", "waiting", "expected"),
    [
        (0.0019, 1000, 10),  # a fiftieth of a second of them
        (0.0019, 8, 4),  # the other of two slots has half of what waits
        (0.0, 1000, MOST),
        (0.021, 1000, 0),
        (60.0, 1000, 0),
    ],
)
def test_how_many_begin_at_once(seconds: float, waiting: int, expected: int) -> None:
    assert after(*[seconds] * SEEN).room(waiting, 2) == expected


def test_nothing_is_in_line_before_it_is_known_how_long_tasks_take() -> None:
    assert after(*[0.001] * (SEEN - 1)).room(1000, 1) == 0
    assert after(60.0, *[0.001] * (SEEN - 1)).room(1000, 1) == 0
    assert after(60.0, *[0.00099] * SEEN).room(1000, 1) == 20


def test_lines_are_first_come_first_served_and_each_of_its_slot() -> None:
    tasks = [Task.single(trial(number), {}, Path()) for number in (1, 2, 3)]
    short = ShortTasks()
    for slot, task in zip((0, 1, 0), tasks, strict=True):
        short.put(slot, task)
    assert short and short.take(2) is None
    assert sorted(short.numbers()) == [1, 2, 3]
    assert [short.take(0), short.take(0), short.take(0)] == [tasks[0], tasks[2], None]
    assert (short.clear(), bool(short)) == ([tasks[1]], False)


def test_short_trials_run_once_each_in_fewer_transactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ShortTasks, "room", lambda short, waiting, slots: min(9, waiting))
    monkeypatch.setattr(runner, "TOGETHER", 60.0)  # whatever the machine is busy with
    monkeypatch.setattr(runner, "LONG", 60.0)
    writes: list[int] = []
    writing = Store.writing
    monkeypatch.setattr(Store, "writing", lambda store: writes.append(1) or writing(store))
    trials = [trial(number) for number in range(1, 201)]
    assert launch.run(request(tmp_path, trials, parallel=1, pack=1)) == 0
    tries = attempts(tmp_path)
    assert [item.trial for item in tries] == list(range(1, 201))
    assert {item.status for item in tries} == {"passed"}
    starts = [item.started for item in tries]
    assert starts == sorted(starts)
    ends = [item.finished for item in tries]
    assert ends == sorted(filter(None, ends))
    assert len(writes) < 60  # 20 for ten trials each, and those of the sweep's start and end


def test_what_is_behind_a_long_task_goes_to_who_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ShortTasks, "room", lambda short, waiting, slots: min(4, waiting))
    slow = [trial(number, SECONDS="0.4") for number in (1, 6)]
    quick = [trial(number) for number in (2, 3, 4, 5, 7, 8, 9, 10)]
    trials = sorted([*slow, *quick], key=lambda each: each.number)
    assert launch.run(request(tmp_path, trials, parallel=2, pack=1)) == 0
    assert [(item.trial, item.attempt) for item in attempts(tmp_path)] == [
        (number, 1) for number in range(1, 11)
    ]


class WatchedSupply(Supply):
    """Notes, of the trials that it gave out, those that neither run nor have an end."""

    def __init__(self, store: Store) -> None:
        self.store, self.calls, self.lost = store, 0, set[int]()

    def __call__(self, vacancy: Vacancy) -> Growth:
        self.calls += 1
        ends = {number for number, at in self.store.states().items() if at is Status.PASSED}
        self.lost |= {1, 2, 3, 4, 5} - ends - vacancy.running
        return Growth(ended=not vacancy.running)


def test_a_supply_hears_of_trials_in_line_and_of_those_that_are_not_recorded_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ShortTasks, "room", lambda short, waiting, slots: min(3, waiting))
    monkeypatch.setattr(runner, "LONG", 60.0)
    supplies: list[WatchedSupply] = []

    def watched(sweep: SweepDir, *_: object) -> WatchedSupply:
        supplies.append(WatchedSupply(sweep.store))
        return supplies[-1]

    monkeypatch.setattr(supply_choice, "open_supply", watched)
    slow = {"SECONDS": "0.05"}
    trials = [trial(1, **slow), *(trial(number) for number in (2, 3, 4)), trial(5)]
    assert launch.run(request(tmp_path, trials, parallel=2, pack=1)) == 0
    (supply,) = supplies
    assert supply.calls > 1 and supply.lost == set()


def test_a_trial_that_is_still_in_line_at_the_end_has_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ShortTasks, "room", lambda short, waiting, slots: min(9, waiting))
    monkeypatch.setattr(runner.Runner, "_receive", stopping)
    with pytest.raises(UserError, match="no worker can start"):
        launch.run(request(tmp_path, [trial(number) for number in range(1, 5)], parallel=1, pack=1))
    assert [(item.trial, item.reason) for item in attempts(tmp_path)] == [(1, "interrupted")]


def stopping(made: runner.Runner) -> list[Ended]:
    """Receive nothing; fail once tasks are in line."""
    if made._short:
        raise UserError("no worker can start")
    return []
