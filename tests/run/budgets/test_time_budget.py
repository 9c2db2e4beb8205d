"""What may start within the minutes of a sweep; sweeps whose time is over."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from fake_sweep import HERE, created, request, trial
from running_sweeps import tried

from espalier.core.errors import UserError
from espalier.core.trial import Result, Status
from espalier.run import launch
from espalier.run.budgets.measured_costs import MeasuredCosts
from espalier.run.budgets.time_budget import EXIT_OVER, TimeBudget
from espalier.run.opening.launch_request import LaunchRequest
from espalier.run.packing.pack_queue import LARGEST
from espalier.search import search_runs
from espalier.store.attempt import Attempt
from espalier.store.results_dir import STORE
from espalier.store.store import Store

THREE = [trial(number) for number in (1, 2, 3)]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def after(wish: LaunchRequest, seconds: float, ended: int = 1) -> Path:
    """Return the folder of a sweep whose first trials have ended, each after so many seconds."""
    folder = created(wish)
    with Store.open(folder / STORE) as store, store.writing():
        for number in range(1, ended + 1):
            tries = [Attempt(number, 1, 1, Status.PASSED, "", "", 0.0, seconds, number, "cpu")]
            store.restore(number, tries, Result(Status.PASSED, measures={"val_acc": 50.0}))
    return folder


def test_what_fits_may_start_and_nothing_else() -> None:
    now, costs = [0.0], MeasuredCosts()
    budget = TimeBudget(100.0, costs, clock=lambda: now[0])
    assert budget.admits(trial(1)) and not budget.spent  # whatever it takes: nothing is known
    budget.add(trial(1), 1, 40.0)
    assert budget.admits(trial(2))
    now[0] = 56.0
    assert budget.admits(trial(2))  # 44 seconds are left for 44
    now[0] = 57.0
    assert not budget.admits(trial(2)) and budget.spent and not budget.over
    now[0] = 100.0
    assert budget.over


def test_a_trial_longer_than_the_rest_leaves_room_for_shorter_ones() -> None:
    budget = TimeBudget(100.0, MeasuredCosts(), clock=lambda: 60.0)
    budget.add(trial(1), 1, 50.0)
    budget.add(trial(2), 1, 20.0)
    assert [budget.admits(trial(number)) for number in (1, 2)] == [False, True]
    assert not budget.spent


def test_a_part_up_to_a_rung_is_what_is_weighed_and_measured() -> None:
    legs = {1: 2, 2: 2, 3: 6}
    budget = TimeBudget(100.0, MeasuredCosts(), lambda each: legs[each.number], lambda: 60.0)
    budget.add(trial(1), 1, 10.0)
    assert [budget.admits(trial(number)) for number in (2, 3)] == [True, True]
    legs[3] = 8
    assert not budget.admits(trial(3))  # 44 seconds, and 40 are left
    budget.add(trial(2), 1, 10.0, limit=1)  # it has trained one of its two epochs
    assert budget.admits(trial(2))
    legs[2] = 4
    assert not budget.admits(trial(2))


def test_without_a_limit_nothing_is_weighed() -> None:
    budget = TimeBudget(math.inf, MeasuredCosts())
    budget.add(trial(1), 1, 1e9)
    assert budget.admits(trial(2)) and not budget.over and not budget.spent
    assert budget.largest(trial(2)) == LARGEST


def test_a_sweep_starts_nothing_that_would_not_end_in_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wish = request(tmp_path, THREE, minutes=60.0)
    folder = after(wish, seconds=4000.0)
    assert launch.run(wish) == EXIT_OVER
    assert tried(tmp_path) == [(1, "passed", "")]
    line = "no other trial ends within BUDGET_MINUTES=60: 1 passed, 2 to go; `"
    assert line in capsys.readouterr().out
    assert (folder / "sweep_analysis.txt").exists()
    assert launch.run(request(tmp_path, THREE, minutes=600.0)) == 0
    assert tried(tmp_path) == [(number, "passed", "") for number in (1, 2, 3)]


def test_what_still_runs_when_the_time_is_over_is_stopped_and_runs_again(tmp_path: Path) -> None:
    trials = [trial(1, "hang_once"), trial(2, "hang_once")]
    assert launch.run(request(tmp_path, trials, BUDGET_MINUTES="0.02")) == EXIT_OVER
    assert tried(tmp_path) in (
        [(1, "error", "interrupted"), (2, "error", "interrupted")],
        [],  # the workers were not there in time
    )
    assert launch.run(request(tmp_path, trials, BUDGET_MINUTES="0")) == 0


def test_all_seeds_of_a_configuration_come_before_the_next_one(tmp_path: Path) -> None:
    places = [("1", "0.1"), ("1", "0.2"), ("2", "0.1"), ("2", "0.2")]
    trials = [trial(n, SEED=seed, LR=rate) for n, (seed, rate) in enumerate(places, 1)]
    limited = request(tmp_path, trials, minutes=60.0).limits.priority
    assert [each.number for each in limited.ordered(trials)] == [1, 3, 2, 4]
    plain = request(tmp_path, trials).limits.priority
    assert [each.number for each in plain.ordered(trials)] == [1, 2, 3, 4]


def test_a_variable_wins_over_the_symbol(tmp_path: Path) -> None:
    both = request(tmp_path, THREE, minutes=0.0, BUDGET_MINUTES="7")
    assert (both.budget, both.limits.until) == (0.0, math.inf)
    assert request(tmp_path, THREE, BUDGET_MINUTES="7").budget == 7.0


def test_from_python_it_is_an_error_with_what_to_do(tmp_path: Path) -> None:
    wish = request(tmp_path, THREE, minutes=60.0)
    after(wish, seconds=4000.0)
    with pytest.raises(UserError) as caught:
        search_runs.finish(wish, verbose=False)
    rule = "was over before every trial had ended; call it again to go on"
    assert str(caught.value) == f"BUDGET_MINUTES=60: {rule}"
