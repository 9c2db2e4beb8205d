from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from trial_results import passed
from two_arms import STATE, arm_trial, ask_two, at_two_sparsities, two_arms

from espalier.analysis.arms import Arm
from espalier.core.errors import UserError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"second": STATE}, "A=METHOD=state and B=METHOD=state: are the same"),
        (
            {"second": Arm(name="config_001")},
            "A=METHOD=state and B=config_001: overlap in config_001; no configuration may",
        ),
        (
            {"first": Arm({"SPARSITY": "0.5"})},
            "A=SPARSITY=0.5 and B=METHOD=magnitude: overlap in config_005",
        ),
        (
            {"second": Arm({"METHOD": "none"})},
            "A=METHOD=state and B=METHOD=none: no two agree in all else; the nearest differ in "
            'CONFIG_SPARSITY; to compare them give A="METHOD=state, SPARSITY=0.5" '
            'B="METHOD=none, SPARSITY=0.7"',
        ),
        (
            {"second": Arm({"DATASET": "mnist"})},
            "A=METHOD=state and B=DATASET=mnist: must give values of the same symbol",
        ),
        (
            {"first": Arm({"DATASET": "digits"}), "second": Arm({"DATASET": "mnist"})},
            "config_005 and config_018 were validated on different samples (CONFIG_DATASET)",
        ),
        (
            {"where": Arm({"SPARSITY": "0.7"})},
            "A=METHOD=state and B=METHOD=magnitude where SPARSITY=0.7: no configuration of A is",
        ),
        ({"first": Arm({"METHOD": "stat"})}, "A=METHOD=stat: no trial has METHOD=stat; did you"),
        ({"where": Arm({"SPARSTY": "0.9"})}, "WHERE=SPARSTY=0.9: no trial has CONFIG_SPARSTY;"),
    ],
)
def test_what_is_no_question(changes: dict[str, Any], message: str) -> None:
    other = arm_trial(18, 1, "magnitude", SPARSITY="0.5")
    mnist = replace(other, config={**other.config, "DATASET": "mnist"}, id="mnist")
    results = [
        *two_arms(SPARSITY="0.5"),
        *two_arms(start=9, SPARSITY="0.9"),
        passed(arm_trial(17, 1, "none", SPARSITY="0.7"), 1.0),
        passed(mnist, 1.0),
    ]
    with pytest.raises(UserError) as caught:
        ask_two(results, **changes)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_a_choice_that_a_side_brings_along_is_spelled_out() -> None:
    results = at_two_sparsities()
    for place, item in enumerate(results):
        state = item.trial.config["METHOD"] == "state"
        own = {"OPTIMIZER": "adamwprune" if state else "adamw", "LR": "0.1"}
        trial = replace(item.trial, config={**item.trial.config, **own})
        results[place] = item._replace(trial=trial)
    verdict = ask_two(results)
    assert verdict.also == ("OPTIMIZER",)
    assert str(verdict.question.first) == "METHOD=state, OPTIMIZER=adamwprune"
    assert str(verdict.question.second) == "METHOD=magnitude, OPTIMIZER=adamw"
    assert (len(verdict.pairs), verdict.n) == (2, 2)
    assert ask_two(at_two_sparsities()).also == ()
    for place, item in enumerate(results):  # a number is no choice
        rate = "0.1" if item.trial.config["METHOD"] == "state" else "0.2"
        trial = replace(item.trial, config={**item.trial.config, "LR": rate})
        results[place] = item._replace(trial=trial)
    with pytest.raises(UserError, match="the nearest differ in CONFIG_OPTIMIZER, CONFIG_LR; to"):
        ask_two(results)


def test_where_may_name_a_symbol_of_each_side() -> None:
    results = two_arms(SPARSITY="0.5") + two_arms(start=9, SPARSITY="0.9")
    for place, item in enumerate(results):
        if item.trial.config["METHOD"] == "magnitude":
            config = dict(item.trial.config)
            config["DENSITY"] = "0.1" if config.pop("SPARSITY") == "0.9" else "0.5"
            results[place] = item._replace(trial=replace(item.trial, config=config))
    assert len(ask_two(results).pairs) == 4  # what one side alone has need not agree
    verdict = ask_two(results, where=Arm({"SPARSITY": "0.90", "DENSITY": "0.1"}))
    assert [(a.first.number, b.first.number) for a, b in verdict.pairs] == [(9, 13)]
