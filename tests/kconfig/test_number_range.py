from __future__ import annotations

import contextlib
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.kconfig import number_range
from espalier.kconfig.values import canonical


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.03:0.02:0.09", "0.03 0.05 0.07 0.09"),  # the guide's
        ("0.985:0.005:0.999", "0.985 0.99 0.995"),  # earlier: 0.98 0.99 0.99
        ("0.0001:0.0001:0.0005", "0.0001 0.0002 0.0003 0.0004 0.0005"),  # earlier: 0.00 x 5
        ("1:0.1:1.3", "1 1.1 1.2 1.3"),  # earlier: 1.2000000000000002
        ("1e-9:1e-9:3e-9", "0.000000001 0.000000002 0.000000003"),
        ("100:50:300", "100 150 200 250 300"),
        ("-1:1:1", "-1 0 1"),
        ("3:-1:1", "3 2 1"),
        ("0:0.3:1", "0 0.3 0.6 0.9"),  # the end is not on the grid
        ("5:1:5", "5"),
        ("1.0 : 1.0 : 3.0", "1 2 3"),
        ("7800:3900:15600", "7800 11700 15600"),
        ("0x10:0x10:0x30", "0x10 0x20 0x30"),
        ("1e-4:*10:1e-1", "0.0001 0.001 0.01 0.1"),
        ("8:*0.5:1", "8 4 2 1"),
        ("1:*3:50", "1 3 9 27"),
        ("1e-3:*3.1622776601683795:1e-1", None),  # a rounded root: five values, the end exact
    ],
)
def test_ranges(text: str, values: str | None) -> None:
    numbers = number_range.expand(text)
    if values is None:
        assert len(numbers) == 5
        assert (numbers[0], numbers[-1]) == ("0.001", "0.1")
    else:
        assert numbers == values.split()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("0:0:1", "step must not be 0"),
        ("5:1:1", "the range is empty: a step of 1 leads away"),
        ("1:-1:5", "the range is empty: a step of -1 leads away"),
        ("1:2", "a range is start:step:end"),
        ("1:x:3", "'x' in the range is not a number"),
        ("1::3", "'' in the range is not a number"),
        ("1:*1:10", "factor must be above 0 and not 1"),
        ("1:*-2:10", "factor must be above 0 and not 1"),
        ("1:*0:10", "factor must be above 0 and not 1"),
        ("0:*10:1", "ends above 0"),
        ("-1:*10:1", "ends above 0"),
        ("1e-1:*10:1e-4", "the range is empty: a factor of 10 leads away"),
        ("1:1e-9:2", "at most 100000"),
        ("1:*1.0000001:2", "at most 100000"),
        ("1e-4:*1.0000000000000000000000000001:1", "at most 100000"),
        ("1:1:1e300", "at most 100000"),
        ("1:1:1e9999", "each number must be 0 or of a size in"),
        ("1:1:1e99999", "each number must be 0 or of a size in"),
        ("1e999999:1:2", "each number must be 0 or of a size in"),
        ("1e-400:*10:1", "each number must be 0 or of a size in"),
        ("100:1000:200", "one value, 100: the first step leads beyond the end; the"),
        ("1:10:2", "the order is start:step:end, as in 1:2:10"),
        ("0.01:0.09:0.02", "the order is start:step:end, as in 0.01:0.02:0.09"),
        ("10:-10:5", "the order is start:step:end; write 10 for one value"),
        ("1:*10:5", "the order is start:*factor:end; write 1 for one value"),
        ("1e-4:1e-1:*10", "the order is start:*factor:end, as in 1e-4:*10:1e-1"),
        ("0x10:0x100:0x20", "the order is start:step:end, as in 0x10:0x20:0x100"),
        ("0x10:0.5:0x12", "the step between 0x numbers must be whole"),
    ],
)
def test_rules(text: str, rule: str) -> None:
    with pytest.raises(ValueError) as caught:
        number_range.expand(text)
    assert rule in str(caught.value)


@pytest.mark.parametrize("text", ["http://a:80/x", "cuda:0", "a:b:c", "1", "1e-3", "inf:nan:x"])
def test_what_is_no_range(text: str) -> None:
    assert not number_range.is_range(text)


decimals = st.decimals(-1000, 1000, places=9)


@given(decimals, st.decimals("1e-9", 10, places=9), st.integers(0, 200))
def test_arithmetic_is_exact(start: Decimal, step: Decimal, count: int) -> None:
    end = start + count * step
    numbers = number_range.expand(f"{start}:{step}:{end}")
    assert [Decimal(x) for x in numbers] == [start + i * step for i in range(count + 1)]
    assert len(set(numbers)) == count + 1
    back = number_range.expand(f"{end}:{-step}:{start}")
    assert back == numbers[::-1]


@given(decimals)
def test_plain_text_is_the_number(number: Decimal) -> None:
    assert Decimal(number_range.plain(number)) == number
    assert "E" not in number_range.plain(number)


@contextlib.contextmanager
def few_values() -> Iterator[None]:
    """A limit that keeps random ranges cheap."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(number_range, "MAX_VALUES", 1000)
        yield


extremes = st.decimals(allow_nan=False, allow_infinity=False)


@given(extremes, st.sampled_from(["", "*"]), extremes, extremes)
def test_extreme_numbers_break_a_rule_and_nothing_else(
    start: Decimal, times: str, step: Decimal, end: Decimal
) -> None:
    with few_values(), contextlib.suppress(ValueError):
        number_range.expand(f"{start}:{times}{step}:{end}")


@given(
    st.integers(-300, 300),
    st.integers(-300, -6),
    st.integers(-300, 300),
    st.sampled_from([1, -1]),
)
def test_every_size_within_bounds_can_be_counted(low: int, tiny: int, high: int, sign: int) -> None:
    """Factors next to 1 and ratios of 1e600 are in the arithmetic's range."""
    factor = 1 + sign * Decimal(10) ** tiny
    with few_values(), contextlib.suppress(ValueError):
        number_range.expand(f"1e{low}:*{factor}:1e{high}")


@pytest.mark.parametrize(
    ("text", "whole", "values"),  # at 0, a quarter, the middle and the end
    [
        ("0.001~0.1", False, "0.001 0.02575 0.0505 0.1"),
        ("1e-4~*1e-1", False, "0.0001 0.0005623 0.003162 0.1"),
        ("8~256", True, "8 70 132 256"),  # 7.5 + 249 / 4
        ("1~*1024", True, "1 3 23 1024"),  # from 0.5 to 1024.5: their mean is 22.6
        ("-1~1", False, "-1 -0.5 0 1"),
        ("1e-6~*1e-2", False, "1e-6 1e-5 0.0001 0.01"),
        ("-0.001~99.999", False, "0 25 50 99.999"),
        (" 0 ~ 1 ", False, "0 0.25 0.5 1"),
        ("0.9999~0.99999", False, "0.9999 0.9999225 0.999945 0.99999"),
    ],
)
def test_intervals(text: str, whole: bool, values: str) -> None:
    assert number_range.is_interval(text)
    span = number_range.interval(text, whole)
    assert [span.at(share) for share in (0, 0.25, 0.5, 1)] == values.split()
    assert number_range.interval(str(span), whole) == span


@pytest.mark.parametrize(
    ("text", "whole", "rule"),
    [
        ("0.1~0.001", False, "the interval is empty; write 0.001~0.1"),
        ("3~3", True, "both ends are the same; write 3 for one value"),
        (
            "0~*1",
            False,
            "an interval that is even in the logarithm needs ends above 0; raise them, or write 0~",
        ),
        ("3|1~2", True, "an interval has no other values beside it"),
        ("0.5~3", True, "the ends must be integers"),
        ("1*~4", False, r"the form is low~\*high, as in 1~\*4"),
        ("0.1~0.5|0.7", False, "an interval has no other values beside it"),
        ("1~", False, "'' in the range is not a number"),
        ("1~2~3", False, "'2~3' in the range is not a number"),
    ],
)
def test_what_is_no_interval(text: str, whole: bool, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        number_range.interval(text, whole)


@pytest.mark.parametrize("text", ["1|2~3", "0.1~0.5|0.7", "x|1~*2", "1 | 2 ~ 3"])
def test_an_interval_among_other_values_is_meant_as_one(text: str) -> None:
    assert number_range.is_interval(text)


@pytest.mark.parametrize("text", ["a|~1", "1|b~2", "~1", "a~b", "~/data", "home~1", "1:2:3", "0.1"])
def test_what_is_not_meant_as_an_interval(text: str) -> None:
    assert not number_range.is_interval(text)


NUMBERS = st.decimals("-1e12", "1e12", places=3, allow_nan=False)


@given(NUMBERS, NUMBERS, st.floats(0, 1), st.booleans(), st.booleans())
def test_what_is_drawn_lies_between_the_ends(
    low: Decimal, high: Decimal, share: float, log: bool, whole: bool
) -> None:
    low, high = (round(low), round(high)) if whole else (low, high)
    if low >= high or (log and low <= 0):
        return
    span = number_range.NumberInterval(Decimal(low), Decimal(high), log, whole)
    value = span.at(share)
    assert span.low <= Decimal(value) <= span.high
    assert value == canonical("int" if whole else "float", value)
    assert span.at(span.share(value)) == value or log  # exp(log(x)) may round
    assert span.nearest(float(value)) == value


def test_integers_are_equally_likely() -> None:
    span = number_range.interval("1~4", whole=True)
    drawn = [span.at((n + 0.5) / 400) for n in range(400)]
    assert [drawn.count(value) for value in "1234"] == [100] * 4


def test_a_part_of_an_interval() -> None:
    span = number_range.interval("8~*256", whole=True)
    assert str(span.within(Decimal(1), Decimal(100))) == "8~*100"
    assert span.within(Decimal(257), Decimal(300)) is None
