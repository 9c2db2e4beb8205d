from __future__ import annotations

from dataclasses import replace

import pytest
from method_grid import method_grid
from trial_results import passed, trial

from espalier.analysis.comparing.against_baseline import AgainstBaseline, against
from espalier.analysis.confidence import Interval
from espalier.analysis.rank import TrialResult, rank
from espalier.core.errors import UserError


def table(
    text: str, results: list[TrialResult] | None = None, by: str = "val_acc"
) -> AgainstBaseline:
    return against(rank(results or method_grid(), by), text)


def names(beside: AgainstBaseline) -> list[tuple[str, str]]:
    return [(item.arm.first.name, item.control.first.name) for item in beside.compared]


def test_each_stands_beside_the_baseline_that_agrees_in_all_else() -> None:
    beside = table("PRUNING_METHOD=magnitude")
    assert names(beside) == [
        ("config_007", "config_001"),  # state, 0.9
        ("config_010", "config_004"),  # state, 0.95
        ("config_013", "config_001"),
        ("config_016", "config_004"),
    ]
    assert beside.alone == beside.ambiguous == ()
    first, second = (item.at_end for item in beside.compared[:2])
    assert first == Interval(1.0, 3, pytest.approx(4.3027 * 0.125 / 3**0.5, rel=1e-4))
    assert second is not None and second.mean == pytest.approx(-5 / 12)


def test_means_are_over_all_and_for_each_level_of_the_other_axes() -> None:
    means = table("PRUNING_METHOD=magnitude").means
    assert [(item.own[0][1], item.level, len(item.compared)) for item in means] == [
        ("movement", None, 2),
        ("movement", ("TARGET_SPARSITY", "0.9"), 1),
        ("movement", ("TARGET_SPARSITY", "0.95"), 1),
        ("state", None, 2),
        ("state", ("TARGET_SPARSITY", "0.9"), 1),
        ("state", ("TARGET_SPARSITY", "0.95"), 1),
    ]
    overall = means[3].difference
    # by seed (1 - 0.5) / 2, (1.125 - 0.25) / 2, (0.875 - 0.5) / 2
    assert overall is not None and overall.n == 3
    assert overall.mean == pytest.approx((0.25 + 0.4375 + 0.1875) / 3)
    assert means[3].shares("live_parameters") == (1.0, 1.02)
    assert means[0].shares("total_time") == (1.0, 1.0)


def test_what_is_unequal_is_told_and_a_little_time_is_not() -> None:
    other, _, alike, _ = table("PRUNING_METHOD=magnitude").compared
    assert (other.unequal, other.unequal_time) == ({}, (15.0, pytest.approx(10.2)))
    assert alike.unequal_time is None


def test_a_named_configuration_is_the_baseline_of_all_whatever_differs() -> None:
    beside = table("config_002")  # seed 2 of the first
    assert {control for _, control in names(beside)} == {"config_001"}
    assert len(beside.compared) == 5 and beside.means == []


def test_a_named_configuration_of_other_samples_is_no_baseline() -> None:
    other = [passed(trial(19, seed, DATASET="mnist"), 50.0) for seed in (1, 2)]
    beside = table("config_001", [*method_grid(), *other])
    assert [item.first.name for item in beside.alone] == ["config_019"]


def test_without_one_that_agrees_there_is_no_comparison() -> None:
    alone = [passed(trial(19, 1, PRUNING_METHOD="state", TARGET_SPARSITY="0.99"), 50.0)]
    beside = table("PRUNING_METHOD=magnitude", [*method_grid(), *alone])
    assert [item.first.name for item in beside.alone] == ["config_019"]


def test_of_several_that_agree_the_first_in_the_plan_is_taken() -> None:
    # the baseline's own symbol is swept: state has no BETA to agree in
    grid = [item for item in method_grid() if item.trial.config["PRUNING_METHOD"] == "state"]
    for number, beta in enumerate(("1", "2"), 30):
        swept = {"PRUNING_METHOD": "magnitude", "TARGET_SPARSITY": "0.9", "BETA": beta}
        grid.append(passed(trial(number, 1, **swept), 80.0))
    beside = table("PRUNING_METHOD=magnitude", grid)
    assert names(beside) == [("config_007", "config_030")]
    assert [item.first.name for item in beside.ambiguous] == ["config_007"]


def bring_optimizers(results: list[TrialResult], rate: str = "0.1") -> list[TrialResult]:
    """The results with an optimizer for each method, and for `state` a learning rate."""
    made: list[TrialResult] = []
    for item in results:
        method = item.trial.config["PRUNING_METHOD"]
        own = {"OPTIMIZER": f"for-{method}", "LR": rate if method == "state" else "0.1"}
        swept, config = item.trial.swept, item.trial.config
        planned = replace(item.trial, config={**config, **own}, swept={**swept, **own})
        made.append(item._replace(trial=planned))
    return made


def test_a_choice_that_a_method_needs_may_differ_and_is_named() -> None:
    text, plain = "PRUNING_METHOD=magnitude", table("PRUNING_METHOD=magnitude")
    beside = table(text, bring_optimizers(method_grid()))
    assert names(beside) == names(plain) and beside.alone == ()
    assert (beside.also, plain.also) == (("OPTIMIZER",), ())
    assert beside.label == f"{text} (different in OPTIMIZER too)" and plain.label == text
    assert [item.level for item in beside.means] == [item.level for item in plain.means]
    other = table(text, bring_optimizers(method_grid(), "0.2"))  # a number is no choice
    assert [item.first.name for item in other.alone] == ["config_007", "config_010"]
    assert len(other.compared) == 2


def test_several_values_tell_a_baseline_apart_together() -> None:
    beside = table("PRUNING_METHOD=magnitude, TARGET_SPARSITY=0.90")
    assert {control for _, control in names(beside)} == {"config_001"}
    assert len(beside.compared) == 5
    own = {item.own for item in beside.means}
    assert own == set()  # each kind has one configuration and nothing else varies


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("magnitude", "must be SYMBOL=value, several joined by a comma, or a configuration"),
        ("PRUNING_METHOD=luck", "no trial has PRUNING_METHOD=luck; "),
        ("LUCK=1", "no trial has CONFIG_LUCK; "),
        ("config_099", "must be a trial from config_001 to config_018"),
    ],
)
def test_a_baseline_that_is_none(text: str, rule: str) -> None:
    with pytest.raises(UserError) as error:
        table(text)
    assert str(error.value).startswith(f"BASELINE={text}: {rule}")
