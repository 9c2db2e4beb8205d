from __future__ import annotations

import math

import pytest

from espalier.core.errors import UserError
from espalier.core.measures import (
    LIVE_PARAMETERS,
    MEASURES,
    VAL_ACC,
    MeasureError,
    check_form,
    find,
    listed,
    measures_of,
    resolve,
)


@pytest.mark.parametrize(
    ("name", "value", "text", "difference"),
    [
        ("val_acc", 88.514, "88.51%", "+88.51 points"),
        ("val_loss", 0.12346, "0.1235 nats", "+0.1235 nats"),
        ("mean_val_loss", -0.5, "-0.5000 nats", "-0.5000 nats"),
        ("live_parameters", 26122.0, "26,122", "+26,122"),
        ("live_parameters", 12345678.4, "12,345,678", "+12,345,678"),
        ("my_score:max", 1 / 3, "0.333333", "+0.333333"),
        ("total_time", 10.04, "10.0s", "+10.0s"),
    ],
)
def test_values_are_told_with_unit(name: str, value: float, text: str, difference: str) -> None:
    assert (find(name).with_unit(value), find(name).with_unit(value, "+")) == (text, difference)


def test_what_is_rounded_to_zero_has_no_minus() -> None:
    assert VAL_ACC.number(-0.004, "+") == VAL_ACC.number(0.0, "+") == "+0.00"
    assert VAL_ACC.with_unit(-0.0) == "0.00%" and VAL_ACC.number(-0.006) == "-0.01"
    assert LIVE_PARAMETERS.number(-0.0) == "0" and LIVE_PARAMETERS.number(-1e-7) == "-1e-07"
    assert LIVE_PARAMETERS.number(-1234567.8, "+") == "-1,234,568"


def test_direction_and_what_the_test_data_made() -> None:
    assert {name for name, by in MEASURES.items() if by.larger} == {
        "val_acc",
        "test_acc",
        "mean_val_acc",
    }
    assert [name for name, by in MEASURES.items() if by.tested] == ["test_acc", "test_loss"]


def test_nothing_on_the_test_data_has_a_curve() -> None:
    assert [name for name, by in MEASURES.items() if not by.curve] == ["test_acc", "test_loss"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("val_acc", [("val_acc", True)]),
        ("val_acc:min", [("val_acc", False)]),
        ("val_acc, live_parameters", [("val_acc", True), ("live_parameters", False)]),
        ("score:max,cost:min", [("score", True), ("cost", False)]),
        ("dice_loss,my_f1", [("dice_loss", False), ("my_f1", True)]),
        ("val/score@1:max", [("val/score@1", True)]),
    ],
)
def test_a_text_names_measures_with_their_directions(
    text: str, expected: list[tuple[str, bool]]
) -> None:
    assert [(by.name, by.larger) for by in measures_of(text)] == expected


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("val_acc:max", "val_acc"),
        ("val_acc:min", "val_acc:min"),
        ("luck:max", "luck:max"),
        ("my_loss:min", "my_loss"),
    ],
)
def test_the_spelling_has_the_direction_where_it_is_needed(text: str, spelled: str) -> None:
    assert find(text).spelled == spelled


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "must be names of measures by commas, as val_acc,live_parameters"),
        ("val_acc,", "must be names of measures by commas, as val_acc,live_parameters"),
        (":max", "must be names of measures by commas, as val_acc,live_parameters"),
        ("my score:max", "must be names of measures by commas, as val_acc,live_parameters"),
        ("score:up", ":up must be :max (more is better) or :min (less is)"),
        ("score:MAX", ":MAX must be :max (more is better) or :min (less is)"),
        ("val_acc,val_acc:min", "names val_acc twice; keep one"),
    ],
)
def test_a_text_that_is_none(text: str, rule: str) -> None:
    for function in (measures_of, check_form, resolve):
        with pytest.raises(MeasureError) as error:
            function(text)
        assert str(error.value) == f"RANK_BY={text}: {rule}"


def test_without_a_direction_the_fix_is_named() -> None:
    fix = "luck:max ranks by it if more is better, luck:min if less is"
    with pytest.raises(
        UserError, match=f"RANK_BY=luck: must be one of val_acc, .* more, or .*{fix}"
    ):
        find("luck")
    with pytest.raises(UserError, match=f"RANK_BY=luck: nothing says whether .* better; {fix}"):
        resolve("luck", ["val_acc", "luck"])


def test_a_measure_that_no_trial_has_names_those_that_there_are() -> None:
    with pytest.raises(UserError) as error:
        resolve("luck", ["zeal", "test_acc", "cost", "val_acc"])
    there = "val_acc, test_acc, cost, zeal"
    assert str(error.value) == f"RANK_BY=luck: no trial has luck; there are {there}"


def test_a_declared_direction_is_taken_where_nothing_else_says_it() -> None:
    text = resolve("luck,val_acc,cost:max", (), lambda: {"luck": "min"})
    assert text == "luck:min,val_acc,cost:max"


def test_declarations_are_not_read_without_need() -> None:
    def fail() -> dict[str, str]:
        raise AssertionError

    assert resolve("val_acc,my_loss,score:max", (), fail) == "val_acc,my_loss,score:max"


def test_a_number_of_your_own_may_be_below_zero() -> None:
    own = find("score:max")
    assert (own.minimum, own.maximum) == (-math.inf, math.inf)
    assert (own.curve, own.axis) == ("score", "score")
    assert find("val_loss").minimum == 0 and find("forgetting").minimum == -math.inf


def test_of_many_names_the_first_are_listed() -> None:
    names = [f"m{n:02}" for n in range(20)]
    assert listed([*names, "val_loss"]) == f"val_loss, {', '.join(names[:11])} and 9 more"
