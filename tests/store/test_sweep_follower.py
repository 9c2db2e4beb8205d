"""What a follower of a sweep reads, look by look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import ended, trial

from espalier.core.trial import Result, Status
from espalier.store.attempt import INTERRUPTED
from espalier.store.store import Store
from espalier.store.sweep_follower import SweepFollower
from espalier.store.sweep_state import status_in

PASSED = Result(Status.PASSED, measures={"val_acc": 90.0})
CRASHED = Result(Status.ERROR, "crash", "broken")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store of four trials that have not begun."""
    folder = stored(tmp_path / "s", [ended(trial(n, n), Status.NOTRUN) for n in range(1, 5)])
    with Store.open(folder / "sweep.db") as opened:
        yield opened


def begin(store: Store, *numbers: int) -> None:
    with store.writing():
        store.begin(numbers, 1, "cpu")


def finish(store: Store, number: int, result: Result, attempt: int = 1) -> None:
    with store.writing():
        store.finish(number, attempt, result)


def test_a_look_has_what_has_ended_since_the_one_before(store: Store) -> None:
    follower = SweepFollower(store)
    assert follower.look().ended == ()
    begin(store, 1, 2)
    assert follower.look().ended == ()
    finish(store, 2, CRASHED)
    (crashed,) = follower.look().ended
    assert (follower.name(crashed.trial), crashed.reason) == ("config_002", "crash")
    finish(store, 1, PASSED)
    begin(store, 2)
    finish(store, 2, PASSED, attempt=2)
    look = follower.look()
    assert [(item.trial, item.attempt) for item in look.ended] == [(1, 1), (2, 2)]
    assert look.states == {1: "passed", 2: "passed", 3: "notrun", 4: "notrun"}
    assert follower.look().ended == ()


def test_the_first_look_has_all_that_has_ended_in_the_order_of_its_ends(store: Store) -> None:
    begin(store, 1, 2, 3)
    for number in (3, 1):
        finish(store, number, PASSED)
    assert [item.trial for item in SweepFollower(store).look().ended] == [3, 1]


def test_the_status_is_that_of_one_who_reads_all(store: Store) -> None:
    follower = SweepFollower(store)
    for numbers in ((1,), (2, 3)):  # a trial, then a pack
        begin(store, *numbers)
        with store.writing():
            store.progress(numbers[0], 1, {"epoch": 2, "epochs": 4})
        follower.look()
        finish(store, numbers[0], PASSED if numbers == (1,) else INTERRUPTED)
        now, whole = follower.look().status, status_in(store)
        assert now.counts == {**dict.fromkeys(now.counts, 0), **whole.counts}
        assert now.mean == pytest.approx(whole.mean)
        assert [(t.name, t.size, t.left) for t in now.running] == [
            (t.name, t.size, t.left) for t in whole.running
        ]
    assert [(t.name, t.size, t.left) for t in now.running] == [("config_003", 2, 1)]


def test_a_plan_that_grows_is_followed(store: Store) -> None:
    follower = SweepFollower(store)
    follower.look()
    added = trial(5, 5)
    with store.writing():
        store.add_trials([(added, "", "config_005_mlp")])
    begin(store, 5)
    look = follower.look()
    assert look.status.total == 5 and look.status.running[0].name == "config_005"
