"""Lines of plan.jsonl: what is none is refused, whatever it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from espalier.core.trial import Trial
from espalier.kconfig import assign, tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import plan_records
from espalier.plan.plan import Plan

TRIAL = Trial(1, "config_001", "a" * 12, {"SEED": "1"}, {"SEED": "1"})
HEADER = Plan(
    trials=[TRIAL],
    axes=[{"symbol": "SEED", "values": ["1"]}],
    settings={"DEVICE": "cpu"},
    sources=[{"path": "r", "sha256": "0"}],
    counts={"trials": 1},
    dropped=[{"count": 1, "reason": "why"}],
    controls={"PRUNING_METHOD": ["none"]},
).header()


def lines(header: dict[str, Any] | None = None, trial: dict[str, Any] | None = None) -> list[str]:
    first = {**HEADER.as_json(), **(header or {})}
    return [json.dumps(first), json.dumps({**TRIAL.as_json(), **(trial or {})})]


def test_a_plan_is_read_as_it_was_written() -> None:
    assert plan_records.read(lines()) == (HEADER, [TRIAL])
    assert plan_records.read(lines({"newer": 1}))[0].more == {"newer": 1}


@pytest.mark.parametrize(
    "header",
    [
        {"axes": "x"},
        {"axes": [{"symbol": "SEED"}]},
        {"axes": [{"symbol": "SEED", "values": [1]}]},
        {"axes": [None]},
        {"settings": {"DEVICE": 1}},
        {"settings": None},
        {"sources": [{"path": 3, "sha256": ""}]},
        {"counts": {"trials": "1"}},
        {"dropped": [["x"]]},
        {"notes": [1]},
        {"controls": {"X": "none"}},
        {"design": []},
        {"trials": True},
        {"kconfig": None},
        {"plan_id": "\ud800"},
        {"claims": ["A"]},
        {"claims": {"claims": "A"}},
        {"claims": {"max_seeds": "3"}},
        {"seals": {"claims": []}},
        {"seals": [3]},
        {"seals": [{"ended": ["1"]}]},
    ],
)
def test_a_header_of_other_types_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        plan_records.read(lines(header))


@pytest.mark.parametrize(
    "trial",
    [
        {"number": "1"},
        {"number": True},
        {"name": None},
        {"name": "../x"},
        {"name": "/x"},
        {"name": ".."},
        {"name": "a\x1bb"},
        {"name": ""},
        {"config": ["SEED"]},
        {"config": {"SEED": 1}},
        {"swept": {"SEED": None}},
        {"shape": []},
    ],
)
def test_a_trial_of_other_types_is_refused(trial: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        plan_records.read(lines(trial=trial))


@pytest.mark.parametrize("text", ["[]", "null", "1", '"x"'])
def test_a_line_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        plan_records.read([text])
    with pytest.raises(ValueError):
        plan_records.read([lines()[0], text])


@pytest.mark.parametrize(
    ("change", "odd"),
    [
        ({}, None),
        ({"PACK": "x"}, "PACK"),
        ({"PACK": "01"}, "PACK"),
        ({"PACK": None}, "PACK"),
        ({"DEVICE": "gpu"}, "DEVICE"),
        ({"NONE_SUCH": "1"}, "NONE_SUCH"),
    ],
)
def test_a_setting_without_a_value_of_its_kind_is_seen(
    real: Symbols, change: dict[str, str | None], odd: str | None
) -> None:
    real.kconf.unset_values()
    settings = assign.effective_config(real, real.settings)
    changed = {name: value for name, value in (settings | change).items() if value is not None}
    assert plan_records.odd_setting(real, changed) == odd


@pytest.fixture(scope="module")
def real() -> Symbols:
    return Symbols(tree.parse())
