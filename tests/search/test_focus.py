"""A sweep around one configuration: its choices kept, its numbers near, the same seeds."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import passed

from espalier.__main__ import run
from espalier.analysis.rank import TrialResult, rank
from espalier.core.errors import UserError
from espalier.kconfig.symbols import Symbols
from espalier.kconfig.tree import parse
from espalier.plan.plan import Plan, read_plan
from espalier.plan.planning import plan_from_rows
from espalier.search.focus import (
    RANGE,
    choose_centre,
    held_numbers,
    nearby_values,
    plan_around,
    tried_values,
)

BEST = ("sgd", "0.01", "32")
SCORE = {BEST: 95.0, ("sgd", "0.04", "32"): 90.0, ("adam", "0.01", "128"): 80.0}


RANGES = {"LEARNING_RATE": "0.01|0.04", "MLP_WIDTH": "32|128", "SEED": "4|9"}


@functools.cache
def planned() -> Plan:
    rows = [{"OPTIMIZER": name} for name in ("sgd", "adam")]
    plan = plan_from_rows({"PRUNING_METHOD": "none", **RANGES}, rows)
    swept = [*RANGES, "OPTIMIZER"]
    trials = [replace(t, swept={name: t.config[name] for name in swept}) for t in plan.trials]
    return replace(plan, trials=trials)


def finished() -> list[TrialResult]:
    """Every trial passed; by SCORE, else 50 %."""
    names = ("OPTIMIZER", "LEARNING_RATE", "MLP_WIDTH")
    scores = [SCORE.get(tuple(t.config[n] for n in names), 50.0) for t in planned().trials]
    return [passed(t, score) for t, score in zip(planned().trials, scores, strict=True)]


def near(region: float | None, around: str = "best") -> dict[str, list[str]]:
    ranking = rank(finished())
    centre = choose_centre(ranking, around).first
    return nearby_values(Symbols(parse()), centre, tried_values(ranking), region)


def test_numbers_go_half_way_to_what_was_tried_and_as_far_the_other_way() -> None:
    assert near(None) == {
        "LEARNING_RATE": ["0.005", "0.01", "0.02"],
        "MLP_WIDTH": ["16", "32", "64"],
    }


def test_numbers_stay_within_the_region() -> None:
    assert near(1.5) == {
        "LEARNING_RATE": ["0.00667", "0.01", "0.015"],
        "MLP_WIDTH": ["21", "32", "48"],
    }


def test_what_kconfig_does_not_take_is_left_out() -> None:
    assert near(1e5)["LEARNING_RATE"] == ["1e-7", "0.01"]  # 1000 is above 100


def test_around_a_place_or_a_trial() -> None:
    ranking = rank(finished())
    second = choose_centre(ranking, "2")
    assert second.first.config["LEARNING_RATE"] == "0.04"
    assert choose_centre(ranking, second.results[1].trial.name) == second
    for wrong in ("0", "99", "config_999", "worst"):
        with pytest.raises(UserError, match=f"AROUND={wrong}: must be best, a place from 1 to 8"):
            choose_centre(ranking, wrong)
    with pytest.raises(
        UserError, match="no trial has passed with a finite validation accuracy, so"
    ):
        choose_centre(rank([]), "best")


def test_the_plan_holds_the_centre_with_its_seeds_and_nothing_far(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {**planned().settings, "RANK_BY": "val_acc", "SETTING_OF_OLDER_CODE": "n"}
    folder = stored(tmp_path / "sweep", finished(), settings=settings)
    assert run(["sweep-focus", "--dir", str(folder), "--output-dir", str(tmp_path / "plan")]) == 0
    trials = read_plan(tmp_path / "plan").trials
    assert len(trials) == 3 * 3 * 2
    assert {item.config["SEED"] for item in trials} == {"4", "9"}
    assert {item.config["OPTIMIZER"] for item in trials} == {"sgd"}
    assert all(0.005 <= float(item.config["LEARNING_RATE"]) <= 0.02 for item in trials)
    assert all(16 <= int(item.config["MLP_WIDTH"]) <= 64 for item in trials)
    centres = {item.trial.id for item in choose_centre(rank(finished()), "best").results}
    assert centres <= {item.id for item in trials}
    assert (folder / RANGE).read_text(encoding="utf-8").startswith("# Around ")
    assert "CONFIG_LEARNING_RATE: 3 values" in capsys.readouterr().out


@pytest.mark.parametrize("region", ["1", "0.5", "wide", "inf"])
def test_a_region_that_is_no_factor_is_one_line(region: str) -> None:
    with pytest.raises(UserError, match=f"--region {region}: must be a factor above 1"):
        run(["sweep-focus", "--region", region, "--dir", "nowhere"])


@functools.cache
def sparsities() -> tuple[TrialResult, ...]:
    """Pruned to 50 % and to 90 %, at two rates; less pruned is better, and so is 0.01."""
    ranges = {"TARGET_SPARSITY": "0.5|0.9", "LEARNING_RATE": "0.01|0.04", "PRUNING_WARMUP": "1"}
    plan = plan_from_rows({"PRUNING_METHOD": "state", **ranges}, [{}])
    made = []
    for item in plan.trials:
        swept = {name: item.config[name] for name in ("TARGET_SPARSITY", "LEARNING_RATE")}
        sparsity, rate = map(float, swept.values())
        reached = {"final_sparsity": sparsity, "target_sparsity": sparsity}
        trial = replace(item, swept=swept)
        made.append(passed(trial, 100 - 10 * sparsity - 100 * rate, **reached))
    return tuple(made)


@pytest.mark.parametrize(
    ("hold", "varied"),
    [
        (None, {"LEARNING_RATE"}),
        ("", {"LEARNING_RATE"}),
        ("none", {"LEARNING_RATE", "TARGET_SPARSITY"}),
        ("none, CONFIG_LEARNING_RATE", {"TARGET_SPARSITY"}),
        ("LEARNING_RATE,TARGET_SPARSITY", set()),
    ],
)
def test_the_task_is_held_unless_it_is_released(hold: str | None, varied: set[str]) -> None:
    ranking = rank(sparsities())
    tried = tried_values(ranking)
    centre = choose_centre(ranking, "best").first
    assert set(tried) - set(held_numbers(centre, tried, hold)) == varied


def test_the_plan_does_not_drift_to_less_pruning(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep", [*sparsities()], settings={"RANK_BY": "val_acc"})
    plan, heading = plan_around(folder, "best", None, None)
    assert {item.config["TARGET_SPARSITY"] for item in plan.trials} == {"0.5"}
    assert {item.config["LEARNING_RATE"] for item in plan.trials} == {"0.005", "0.01", "0.02"}
    (best_at_90,) = [r.trial.name for r in sparsities() if r.result.measures["val_acc"] == 90.0]
    assert heading[1] == (
        "Held: CONFIG_TARGET_SPARSITY=0.5; HOLD=none lets it vary; "
        f"AROUND takes the best at 0.9 ({best_at_90})"
    )
    assert f"# {heading[1]}" in (folder / RANGE).read_text(encoding="utf-8")
    plan, _ = plan_around(folder, "best", None, None, "none")
    assert len({item.config["TARGET_SPARSITY"] for item in plan.trials}) == 3
    with pytest.raises(
        UserError, match="no number but TARGET_SPARSITY, LEARNING_RATE, held; HOLD="
    ):
        plan_around(folder, "best", None, None, "LEARNING_RATE")


def test_what_was_not_swept_cannot_be_held() -> None:
    ranking = rank(finished())
    tried = {"LEARNING_RATE": ["1"], "MLP_WIDTH": ["2"]}
    with pytest.raises(UserError, match="HOLD=MLP_WITH: must be none or numbers that were swept"):
        held_numbers(choose_centre(ranking, "best").first, tried, "MLP_WITH")
