from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from espalier.analysis.confidence import Interval
from espalier.core.measures import NAMED, Measure, find
from espalier.report.html.columns import coded, interval_columns, is_number, measure_record, rounded

ACC = NAMED["val_acc"]


def test_texts_are_codes_in_order_of_appearance() -> None:
    column = coded(["b", None, "a", "b"])
    assert (column.texts, column.codes) == (("b", "a"), (0, -1, 1, 0))


def test_a_number_has_one_decimal_more_than_is_printed() -> None:
    assert rounded(97.123456, ACC) == 97.123
    assert rounded(123456.789, find("mine:max")) == 123457.0
    assert rounded(1234567.0, find("mine:max")) == 1234567.0  # of a million or more all digits
    assert rounded(None, ACC) is None


def test_a_number_is_printed_as_it_was_before_it_was_rounded() -> None:
    assert rounded(0.0449, ACC) == 0.045  # both are printed as 0.04
    assert rounded(-0.04503, ACC) == -0.04503  # -0.045 would be printed as -0.04
    assert rounded(-0.045000000000001705, ACC) == -0.045000000000001705
    assert rounded(0.0002, ACC) == 0.0002 and rounded(0.0, ACC) == 0.0


@given(st.floats(-1e9, 1e9), st.sampled_from([ACC, find("val_loss"), find("mine:max")]))
def test_no_rounding_is_seen(value: float, by: Measure) -> None:
    short = rounded(value, by)
    assert short is not None and by.number(short) == by.number(value) and bool(short) == bool(value)


def test_intervals_are_columns() -> None:
    columns = interval_columns([Interval(90.0, 3, 0.5), Interval(80.0, 1, None), None], ACC)
    assert columns == {"mean": [90.0, 80.0, None], "half": [0.5, None, None], "n": [3, 1, 0]}


def test_a_measure_says_how_it_is_printed() -> None:
    record = measure_record(ACC)
    assert (record["label"], record["unit"], record["decimals"]) == ("validation accuracy", "%", 2)
    assert record["difference_unit"] == " points" and record["larger"]


def test_a_switch_and_a_word_are_no_numbers() -> None:
    assert [text for text in ("0.5", "-3", "1e-3", "y", "n", "inf", "sgd") if is_number(text)] == [
        "0.5",
        "-3",
        "1e-3",
    ]
