"""The random sampler: how many, which, and with which seeds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.core.paths import ROOT
from espalier.kconfig.symbols import Symbols
from espalier.plan import combinations, planning
from espalier.plan.plan import Plan
from espalier.plan.samplers import random, sampling
from espalier.plan.samplers.design_text import describe_design, design_lines

GRID = "CONFIG_LEARNING_RATE=0.01|0.02|0.03|0.04\nCONFIG_BATCH_SIZE=16|32|64\n"


def planned(folder: Path, real: Symbols, text: str, sampler: str | None = None) -> Plan:
    (folder / "r").write_text(text, encoding="utf-8")
    over = [sampling.sampler_setting(sampler)] if sampler else []
    return planning.plan_from_files([folder / "r"], symbols=real, over=over)


def drawn(folder: Path, real: Symbols, trials: int, seed: int, more: str = "") -> Plan:
    wishes = (
        f"CONFIG_SAMPLER_RANDOM=y\nCONFIG_SAMPLER_TRIALS={trials}\nCONFIG_SAMPLER_SEED={seed}\n"
    )
    return planned(folder, real, wishes + GRID + more)


def ids(plan: Plan) -> list[str]:
    return [trial.id for trial in plan.trials]


def test_every_combination_is_drawn_with_every_seed(tmp_path: Path, real: Symbols) -> None:
    seeds = "CONFIG_SEED=1|2|3\nCONFIG_SPLIT_SEED=0|1\n"
    plan = drawn(tmp_path, real, 5, 0, seeds)
    times = Counter((t.config["LEARNING_RATE"], t.config["BATCH_SIZE"]) for t in plan.trials)
    assert list(times.values()) == [6] * 5
    assert [t.config["SEED"] for t in plan.trials[:6]] == ["1", "1", "2", "2", "3", "3"]
    assert plan.design == {"sampler": "random", "drawn": 5, "combinations": 12, "seed": 0}
    assert design_lines(plan.design) == ["", "random: 5 of 12 feasible combinations, seed 0"]
    assert plan.settings["SAMPLER"] == "random"
    whole = planned(tmp_path, real, GRID + seeds)
    assert set(ids(plan)) < set(ids(whole))
    assert sorted(ids(plan), key=ids(whole).index) == ids(plan)


def test_the_draw_is_that_of_its_seed(tmp_path: Path, real: Symbols) -> None:
    first, again, other = (drawn(tmp_path, real, 5, seed) for seed in (0, 0, 1))
    assert ids(first) == ids(again) != ids(other)


def test_all_combinations_are_equally_likely(tmp_path: Path, real: Symbols) -> None:
    times = Counter(key for seed in range(60) for key in ids(drawn(tmp_path, real, 2, seed)))
    assert len(times) == 12  # 10 times each on average; the deviation is 2.9
    assert min(times.values()) > 1 and max(times.values()) < 20


def test_all_are_taken_where_there_are_no_more(tmp_path: Path, real: Symbols) -> None:
    plan = drawn(tmp_path, real, 50, 0)
    assert ids(plan) == ids(planned(tmp_path, real, GRID))
    assert plan.design["drawn"] == plan.design["combinations"] == 12


def test_only_what_a_budget_allows_is_drawn(tmp_path: Path, real: Symbols) -> None:
    sizes = "CONFIG_MAX_PARAMS=2000\nCONFIG_MLP_WIDTH=8|16|32|64\nCONFIG_MLP_LAYERS=1\n"
    plan = drawn(tmp_path, real, 20, 0, sizes)
    assert {t.config["MLP_WIDTH"] for t in plan.trials} == {"8", "16"}  # 610 and 1,210 numbers
    assert (plan.design["drawn"], plan.design["combinations"]) == (20, 24)
    assert combinations.left_out(plan.counts, plan.dropped) == [
        "",
        "Left out of 48 combinations:",
        "  24: CONFIG_MAX_PARAMS=2000: the model has more parameters",
    ]


def test_the_command_line_can_ask_for_it(tmp_path: Path, real: Symbols) -> None:
    plan = planned(tmp_path, real, GRID, sampler="random")
    assert plan.design["combinations"] == 12


def test_more_trials_than_allowed_are_refused(tmp_path: Path, real: Symbols) -> None:
    with pytest.raises(
        UserError, match=r"r:2: CONFIG_SAMPLER_TRIALS=5: with every seed these are 15 trials"
    ):
        drawn(tmp_path, real, 5, 0, "CONFIG_SEED=1|2|3\nCONFIG_SWEEP_MAX_TRIALS=14\n")


def test_more_than_can_be_counted_is_refused(
    tmp_path: Path, real: Symbols, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "SPACE", 11)
    with pytest.raises(UserError, match=r"r: the random sampler .* more than 11 combinations"):
        drawn(tmp_path, real, 5, 0)


INTERVALS = "CONFIG_LEARNING_RATE=1e-4~*1e-1\nCONFIG_BATCH_SIZE=16|32|64\n"


def test_intervals_are_drawn_axis_by_axis(tmp_path: Path, real: Symbols) -> None:
    text = "CONFIG_SAMPLER=random\nCONFIG_SAMPLER_TRIALS={}\n" + INTERVALS
    few, more = (planned(tmp_path, real, text.format(trials)) for trials in (5, 20))
    assert ids(more)[:5] == ids(few) and len(set(ids(more))) == 20
    rates = [float(trial.config["LEARNING_RATE"]) for trial in more.trials]
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    assert 3 < sum(rate < 3e-3 for rate in rates) < 17  # half of the decades
    assert few.design["intervals"] == {"LEARNING_RATE": "0.0001~*0.1"}


@pytest.mark.parametrize("sampler", ["grid", "orthogonal"])
def test_other_samplers_refuse_intervals(tmp_path: Path, real: Symbols, sampler: str) -> None:
    with pytest.raises(
        UserError, match=r"r:1: CONFIG_LEARNING_RATE=0.0001~\*0.1: an interval has"
    ) as e:
        planned(tmp_path, real, INTERVALS, sampler=sampler)
    others = "cmaes, gp, nsga2, random, sobol or tpe"
    assert f"such as 0.0001|0.003162|0.1, or take SAMPLER={others}" in str(e.value)


@pytest.mark.parametrize("sampler", ["grid", "orthogonal"])
def test_a_number_of_draws_means_nothing_without_draws(
    tmp_path: Path, real: Symbols, sampler: str
) -> None:
    rule = f"is of samplers that draw, and SAMPLER={sampler} draws nothing; leave it out, or take "
    with pytest.raises(UserError, match=f"r:1: CONFIG_SAMPLER_TRIALS=5: {rule}SAMPLER=cmaes, gp"):
        planned(tmp_path, real, "CONFIG_SAMPLER_TRIALS=5\n" + GRID, sampler=sampler)


def test_the_page_says_what_its_example_draws(tmp_path: Path, real: Symbols) -> None:
    page = (ROOT / "docs" / "samplers.md").read_text(encoding="utf-8").split("## A random draw")[1]
    plan = planned(tmp_path, real, page.split("```")[1].removeprefix("bash\n"))
    assert f"\n    {describe_design(plan.design)}\n" in page
