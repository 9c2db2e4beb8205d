"""Learning-rate factors computed by hand, the first and the last step among them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.core import component
from espalier.core.contracts import CannotTrain, LrSchedule
from espalier.lr_schedules.cosine import Cosine
from espalier.lr_schedules.none import Constant
from espalier.lr_schedules.step import Step
from espalier.lr_schedules.warmup_cosine import WarmupCosine


def factors(schedule, steps_per_epoch, epochs):
    total = steps_per_epoch * epochs
    return [schedule.factor(step, steps_per_epoch, epochs) for step in range(total)]


def test_constant():
    assert factors(Constant(), 3, 2) == [1.0] * 6


def test_cosine_starts_at_one_and_stops_a_step_short_of_its_floor():
    expected = [1.0, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]
    assert factors(Cosine(), 2, 2) == pytest.approx(expected)
    assert Cosine().factor(4, 2, 2) == pytest.approx(0.0)


def test_cosine_with_a_floor():
    # floor + (1 - floor) * cosine part, the parts as above
    expected = [1.0, 0.2 + 0.8 * 0.8535533905932737, 0.6, 0.2 + 0.8 * 0.1464466094067263]
    assert factors(Cosine(min_factor=0.2), 2, 2) == pytest.approx(expected)


def test_warm_up_rises_to_one_and_then_anneals():
    # 4 warm-up steps of 4 an epoch, then 8 of cosine
    rates = factors(WarmupCosine(warmup_epochs=1), 4, 3)
    assert rates[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert rates[8] == pytest.approx(0.5)
    assert rates[11] == pytest.approx((1 + math.cos(math.pi * 7 / 8)) / 2)


def test_warm_up_with_a_floor_stays_above_it():
    rates = factors(WarmupCosine(warmup_epochs=1, min_factor=0.3), 1, 5)
    assert rates == pytest.approx(
        [1.0, 1.0, 0.3 + 0.7 * 0.8535533905932737, 0.65, 0.402512626584709]
    )


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_warm_up_as_long_as_the_run_cannot_train(epochs):
    with pytest.raises(CannotTrain, match="must be less than CONFIG_NUM_EPOCHS"):
        WarmupCosine(warmup_epochs=2).factor(0, 4, epochs)


def test_steps_drop_at_whole_periods():
    rates = factors(Step(every_epochs=2, multiplier=0.5), 3, 5)
    assert rates == [1.0] * 6 + [0.5] * 6 + [0.25] * 3


def test_steps_that_never_drop_cannot_train():
    with pytest.raises(CannotTrain, match="or the learning rate never changes"):
        Step(every_epochs=5).factor(0, 3, 5)


@pytest.mark.parametrize("name", component.names("lr_schedule"))
@given(steps_per_epoch=st.integers(1, 50), epochs=st.integers(11, 60))
def test_every_schedule_stays_between_zero_and_one(name, steps_per_epoch, epochs):
    schedule = component.find("lr_schedule", name, LrSchedule)()
    rates = factors(schedule, steps_per_epoch, epochs)
    assert all(0.0 < factor <= 1.0 for factor in rates)
    assert max(rates) == pytest.approx(1.0)
