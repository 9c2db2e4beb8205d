"""Plans of configurations that are given one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy

from espalier.core.errors import UserError
from espalier.plan.planning import plan_from_rows


def rows_of(plan):
    return [(t.config["SHAPE"], t.config.get("EDGE"), t.config["COUNT"]) for t in plan.trials]


def test_each_row_is_a_configuration_with_every_value_that_all_share(tmp_path: Path) -> None:
    rows = [{"SHAPE": "square", "EDGE": "2"}, {"SHAPE": "round"}]
    plan = plan_from_rows({"COUNT": "1|2", "LABEL": '"a|b"'}, rows, toy.symbols(tmp_path))
    assert rows_of(plan) == [
        ("square", "2", "1"),
        ("square", "2", "2"),
        ("round", None, "1"),
        ("round", None, "2"),
    ]
    assert {t.config["LABEL"] for t in plan.trials} == {"a|b"}
    assert [axis["symbol"] for axis in plan.axes] == ["COUNT", "SHAPE", "EDGE"]
    assert [dict(t.swept) for t in plan.trials][0] == {
        "COUNT": "1",
        "SHAPE": "square",
        "EDGE": "2",
    }
    assert plan.counts["trials"] == 4


def test_rows_that_come_to_the_same_are_one(tmp_path: Path) -> None:
    rows = [{"RATE": "0.1"}, {"RATE": "1e-1", "SHAPE": "round"}, {"RATE": "0.2"}]
    plan = plan_from_rows({}, rows, toy.symbols(tmp_path))
    assert [t.config["RATE"] for t in plan.trials] == ["0.1", "0.2"]
    assert plan.counts["same"] == 1


def test_a_row_that_is_refused_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = [{"MOST": "5", "COUNT": "6"}, {"MOST": "6", "COUNT": "6"}, {"MOST": "5"}]
    plan = plan_from_rows({}, rows, toy.symbols(tmp_path))
    assert [(t.config["MOST"], t.config["COUNT"]) for t in plan.trials] == [("6", "6"), ("5", "3")]
    assert (plan.counts["invalid"], plan.dropped[0]["count"]) == (1, 1)
    assert "COUNT=6 must be in [1, 5]" in plan.dropped[0]["reason"]


def test_values_of_the_settings_need_not_be_in_every_row(tmp_path: Path) -> None:
    rows = [{"SHAPE": "round"}, {"SHAPE": "square"}]
    plan = plan_from_rows({"EDGE": "7"}, rows, toy.symbols(tmp_path))
    assert rows_of(plan) == [("round", None, "3"), ("square", "7", "3")]


@pytest.mark.parametrize(
    ("base", "rows", "said"),
    [
        ({}, [], "no rows"),
        ({"EDGE": "7"}, [{"SHAPE": "round"}], "what all rows share:1: CONFIG_EDGE=7: never in ef"),
        (
            {},
            [{"LABEL": "x"}, {"EDGE": "7"}],
            "row 2:1: CONFIG_EDGE=7: never in effect: CONFIG_EDGE",
        ),
        ({}, [{"COUNT": "99"}], "CONFIG_COUNT=99: never in effect: CONFIG_COUNT=99 must be in"),
        ({}, [{"COUNTT": "1"}], "CONFIG_COUNTT: no such symbol; did you mean CONFIG_COUNT?"),
        ({}, [{"RATE": "2"}], "CONFIG_RATE=2: must be in (0, 1]"),
    ],
)
def test_what_makes_no_sense_is_one_line(tmp_path: Path, base, rows, said: str) -> None:
    with pytest.raises(UserError) as error:
        plan_from_rows(base, rows, toy.symbols(tmp_path))
    assert said in str(error.value)
    assert "\n" not in str(error.value)
