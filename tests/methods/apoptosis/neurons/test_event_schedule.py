"""When events may begin, in runs and in tasks, and what is left alone after the last."""

import pytest

from espalier.core.errors import CannotTrain
from espalier.core.run_length import Rest, RunLength
from espalier.kconfig.config_dataclass import with_defaults
from espalier.methods.apoptosis.branches.lifespan_schedule import BranchSchedule, LifespanOptions
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisOptions
from espalier.methods.apoptosis.neurons.event_schedule import (
    Annealing,
    EventEnd,
    EventSchedule,
    PreservingEventSchedule,
)

EARLIER = RunLength(46, 44)  # 2,024 steps, of defconfigs/apoptosis-13-range


def schedule(interval, stop=1.0, task_epochs=None, kind=EventSchedule, **more):
    return kind(0.1, interval, Annealing("none", None), EventEnd(stop, task_epochs), **more)


def begun(interval, stop, length, task_epochs=None):
    """The steps at which events begin, step by step as managers go."""
    window = EventEnd(stop, task_epochs).window(length)
    options = ApoptosisOptions(0.1, interval, window=window)
    return [step for step in range(1, length.total_steps + 1) if options.is_event_step(step)]


def test_no_event_begins_after_the_share_of_the_run():
    assert begun(10, 0.7, RunLength(5, 20)) == [10, 20, 30, 40, 50, 60, 70]


def test_no_event_begins_after_that_share_of_each_task_the_last_and_shorter_one_too():
    assert begun(5, 0.5, RunLength(5, 10), task_epochs=2) == [5, 10, 25, 30, 45]


def test_without_a_length_events_go_on():
    assert ApoptosisOptions(0.1, 10).is_event_step(10**9)


@pytest.mark.parametrize(
    ("schedule", "left"),
    [
        (schedule(500), 24),  # the event at 2,000
        (schedule(500, kind=PreservingEventSchedule, preservation_steps=50), -26),  # not even over
        (schedule(500, 0.7, kind=PreservingEventSchedule, preservation_steps=50), 974),
        (schedule(400, 0.7), 824),
        (schedule(2024), None),  # none
    ],
    ids=["all along", "handed over", "fair", "shorter interval", "no event"],
)
def test_what_is_left_after_the_last_event_by_hand(schedule, left):
    rest = schedule.rest(EARLIER)
    assert rest == (None if left is None else Rest(left, schedule.interval, "APOPTOSIS_STOP"))


def test_of_tasks_the_one_with_least_left_counts():
    """Events at 50, 100 | 150, 200, 250, 300 | 350, 400, 450, 500 of 3 x 173 steps."""
    assert schedule(50, task_epochs=1).rest(RunLength(3, 173)).left == 519 - 500
    assert schedule(50, 0.6, task_epochs=1).rest(RunLength(3, 173)).left == 173 - 100


def test_what_is_left_is_what_managers_leave():
    for interval, stop, tasks in [(7, 0.9, None), (13, 0.5, 3), (50, 1.0, 2), (1, 0.3, 1)]:
        length = RunLength(7, 20)
        ends = [min(k + (tasks or 7) * 20, 140) for k in range(0, 140, (tasks or 7) * 20)]
        steps = [step for step in begun(interval, stop, length, tasks) if step < 140]
        lefts = [min((e - s for s in steps if s <= e), default=999) for e in ends]
        rest = schedule(interval, stop, tasks).rest(length)
        assert rest is not None and rest.left == min(lefts)


def test_an_interval_that_no_event_fits_in_is_refused():
    schedule(30, 0.3).check_steps(RunLength(10, 10))
    with pytest.raises(CannotTrain, match=r"CONFIG_APOPTOSIS_STOP \(0.29\)"):
        schedule(30, 0.29).check_steps(RunLength(10, 10))


def test_the_first_event_is_in_a_task_that_is_open():
    """Of tasks of 10 steps 1 to 4 are open: 6 and 18 are not, 12 is."""
    assert schedule(6, 0.4, task_epochs=1).first_event(RunLength(9, 10)) == 12


def test_branches_die_only_within_their_steps_of_life():
    life = with_defaults(LifespanOptions, max_lifespan=60, interval=10)
    BranchSchedule(life, EventEnd(0.6, 1)).check_steps(RunLength(10, 10))
    with pytest.raises(CannotTrain, match="after 60 steps of its life, but 50 of 100"):
        BranchSchedule(life, EventEnd(0.5, 1)).check_steps(RunLength(10, 10))
    rest = BranchSchedule(life, EventEnd(0.6, 1)).rest(RunLength(10, 10))
    assert rest == Rest(4, 10, "APOPTOSIS_STOP")
