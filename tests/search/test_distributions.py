"""What a space says of one parameter."""

from __future__ import annotations

import math
from random import Random

import pytest

from espalier.core.errors import UserError
from espalier.search.distributions import Choices, UniformRange, read, whole_numbers


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ([8, 10, 12], [8, 10, 12]),
        ([8, 10, 8], [8, 10]),
        ((8, 11), [8, 9, 10, 11]),
        ({"type": "randint", "low": 3, "high": 5}, [3, 4, 5]),
        ({"type": "choice", "values": ["a", "b"]}, ["a", "b"]),
        ("a", ["a"]),
        (7, [7]),
        ((4, 4), [4]),
        ((0.5, 0.5), [0.5]),
    ],
)
def test_values(given, values) -> None:
    law = read("x", given, whole=False)
    assert isinstance(law, Choices)
    assert list(law.values) == values
    assert law.mass(0, len(values)) == pytest.approx(1)
    assert law.mass(0, 1) == pytest.approx(1 / len(values))


def test_intervals() -> None:
    assert read("x", (0.1, 0.5), whole=False) == UniformRange(0.1, 0.5)
    law = read("x", {"type": "loguniform", "low": 1e-4, "high": 1e-2}, whole=False)
    assert law == UniformRange(1e-4, 1e-2, log=True)
    drawn = [law.draw(Random(seed)) for seed in range(400)]
    assert all(1e-4 <= value <= 1e-2 for value in drawn)
    assert 160 < sum(value < 1e-3 for value in drawn) < 240  # half of them: sd 10
    assert {float(f"{value:.4g}") for value in drawn} == set(drawn)


def test_integers_are_log_uniform_by_the_room_that_each_has() -> None:
    law = read("x", {"type": "loguniform", "low": 1, "high": 3}, whole=True)
    assert isinstance(law, Choices)
    shares = [math.log(2), math.log(3 / 2), math.log(4 / 3)]
    masses = [law.mass(place, place + 1) for place in range(3)]
    assert masses == pytest.approx([share / math.log(4) for share in shares])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "an empty list"),
        ((1, 2, 3), "must be (low, high)"),
        ((True, False), "a choice is a list"),
        ((5, 1), "low must be at most high"),
        ({"type": "normal", "low": 0, "high": 1}, "must be one of choice, randint, uniform, logu"),
        ({"type": "uniform", "low": 0}, "needs low and high"),
        ({"type": "loguniform", "low": 0, "high": 1}, "low must be above 0"),
        ({"type": "randint", "low": 0.5, "high": 3}, "must be an integer"),
        ({"type": "uniform", "low": 0, "high": math.inf}, "must be a finite number"),
    ],
)
def test_what_is_no_distribution_is_one_line(given, said: str) -> None:
    with pytest.raises(UserError, match="parameter x") as error:
        read("x", given, whole=False)
    assert said in str(error.value)


def test_whole_numbers() -> None:
    assert list(whole_numbers("seed", (1, 3))) == [1, 2, 3]
    with pytest.raises(UserError, match="must be integers"):
        whole_numbers("seed", ["a"])
