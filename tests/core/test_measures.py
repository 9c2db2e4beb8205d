from __future__ import annotations

import pytest

from espalier.core.errors import UserError
from espalier.core.measures import MEASURES, find
from espalier.kconfig import tree


def test_kconfig_offers_exactly_these() -> None:
    choice = tree.parse().named_choices["RANK_BY"]
    offered = [item.name.removeprefix("RANK_BY_").lower() for item in choice.syms]
    assert offered == list(MEASURES)


@pytest.mark.parametrize(
    ("name", "value", "text", "difference"),
    [
        ("val_acc", 88.514, "88.51%", "+88.51 points"),
        ("val_loss", 0.12346, "0.1235 nats", "+0.1235 nats"),
        ("mean_val_loss", -0.5, "-0.5000 nats", "-0.5000 nats"),
    ],
)
def test_values_are_told_with_unit(name: str, value: float, text: str, difference: str) -> None:
    assert (find(name).with_unit(value), find(name).with_unit(value, "+")) == (text, difference)


def test_direction_and_what_the_test_data_made() -> None:
    assert {name for name, by in MEASURES.items() if by.larger} == {
        "val_acc",
        "test_acc",
        "mean_val_acc",
    }
    assert [name for name, by in MEASURES.items() if by.tested] == ["test_acc", "test_loss"]


def test_nothing_on_the_test_data_has_a_curve() -> None:
    assert [name for name, by in MEASURES.items() if not by.curve] == ["test_acc", "test_loss"]


def test_no_such_measure() -> None:
    with pytest.raises(UserError, match="RANK_BY=luck: must be one of val_acc, test_acc, val_loss"):
        find("luck")
