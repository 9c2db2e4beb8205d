"""The Sobol sampler: even, seeded, valid, and the same on every machine."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.core.paths import ROOT
from espalier.kconfig.symbols import Symbols
from espalier.plan import combinations, planning
from espalier.plan.plan import Plan
from espalier.plan.samplers import sampling
from espalier.plan.samplers.design_text import design_lines

AXES = "CONFIG_LEARNING_RATE=1e-4~*1e-1\nCONFIG_MLP_WIDTH=8~71\nCONFIG_BATCH_SIZE=16:*2:128\n"


def planned(folder: Path, real: Symbols, text: str, trials: int = 16, seed: int = 0) -> Plan:
    (folder / "r").write_text(text, encoding="utf-8")
    numbers = {"TRIALS": trials, "SEED": seed}
    drawn = [sampling.draw_setting(name, number) for name, number in numbers.items()]
    over = [sampling.sampler_setting("sobol"), *drawn]
    return planning.plan_from_files([folder / "r"], symbols=real, over=over)


def ids(plan: Plan) -> list[str]:
    return [trial.id for trial in plan.trials]


def test_points_lie_evenly_on_every_axis(tmp_path: Path, real: Symbols) -> None:
    plan = planned(tmp_path, real, AXES)
    widths = sorted((int(trial.config["MLP_WIDTH"]) - 8) // 4 for trial in plan.trials)
    assert widths == list(range(16))  # one in each sixteenth
    batches = [trial.config["BATCH_SIZE"] for trial in plan.trials]
    assert {size: batches.count(size) for size in batches} == dict.fromkeys(
        ("16", "32", "64", "128"), 4
    )
    rates = [math.log10(float(trial.config["LEARNING_RATE"])) for trial in plan.trials]
    assert sorted(int((rate + 4) / 3 * 16) for rate in rates) == list(range(16))
    assert plan.design["drawn"] == plan.design["draws"] == 16
    assert "advice" not in plan.design


def test_the_first_points_stay_if_more_are_drawn(tmp_path: Path, real: Symbols) -> None:
    few, more = (ids(planned(tmp_path, real, AXES, trials)) for trials in (5, 9))
    assert more[:5] == few and len(set(more)) == 9
    assert ids(planned(tmp_path, real, AXES, 5, seed=1)) != few


def test_the_points_of_a_seed_are_known(tmp_path: Path, real: Symbols) -> None:
    first = planned(tmp_path, real, AXES, 2).trials
    values = [(t.config["LEARNING_RATE"], t.config["MLP_WIDTH"]) for t in first]
    assert values == [("0.001698", "69"), ("0.02239", "19")]  # of scipy's engine, whatever machine


def test_every_seed_of_a_trial_repeats_it(tmp_path: Path, real: Symbols) -> None:
    plan = planned(tmp_path, real, AXES + "CONFIG_SEED=1|2|3\n", 4)
    assert [trial.config["SEED"] for trial in plan.trials] == ["1", "2", "3"] * 4


def test_axes_ascend_in_the_plan_and_say_their_interval(tmp_path: Path, real: Symbols) -> None:
    plan = planned(tmp_path, real, AXES, 5)
    rates = next(axis["values"] for axis in plan.axes if axis["symbol"] == "LEARNING_RATE")
    assert rates == sorted(rates, key=float) and len(rates) == 5
    assert design_lines(plan.design) == [
        "",
        "sobol: 5 configurations in 5 draws, seed 0",
        "  CONFIG_LEARNING_RATE: in 0.0001~*0.1",
        "  CONFIG_MLP_WIDTH: in 8~71",
        "  a power of two is spread best: 4 or 8",
    ]


def test_a_conditional_axis_has_a_value_where_it_is_active(tmp_path: Path, real: Symbols) -> None:
    text = "CONFIG_OPTIMIZER=sgd|adam\nCONFIG_SGD_MOMENTUM=0.1~0.9\nCONFIG_PRUNING_METHOD=none\n"
    plan = planned(tmp_path, real, text)
    momenta = {t.config["OPTIMIZER"]: t.config.get("SGD_MOMENTUM") for t in plan.trials}
    assert momenta["adam"] is None and momenta["sgd"]


def test_small_numbers_are_drawn_as_well(tmp_path: Path, real: Symbols) -> None:
    plan = planned(tmp_path, real, "CONFIG_LEARNING_RATE=1e-9~*1e-5\n", 8)
    assert plan.design["draws"] == 8
    rates = [float(trial.config["LEARNING_RATE"]) for trial in plan.trials]
    assert min(rates) < 1e-8 and max(rates) > 1e-6


def test_a_space_without_axes_is_one_configuration(tmp_path: Path, real: Symbols) -> None:
    plan = planned(tmp_path, real, "CONFIG_SEED=1|2\n")
    assert len(plan.trials) == 2 and plan.design["draws"] == 1


def test_a_value_that_kconfig_refuses_everywhere_is_an_error(tmp_path: Path, real: Symbols) -> None:
    text = AXES + "CONFIG_OPTIMIZER=sgd|adam\nCONFIG_PRUNING_METHOD=none|state\n"
    with pytest.raises(UserError, match="r:5: CONFIG_PRUNING_METHOD=state: needs CONFIG_OPTIM"):
        planned(tmp_path, real, text)


def test_the_page_says_what_its_example_draws(tmp_path: Path, real: Symbols) -> None:
    page = (ROOT / "docs" / "samplers.md").read_text(encoding="utf-8")
    part = page.split("## What is drawn can be trained")[1]
    (tmp_path / "r").write_text(part.split("```")[1].removeprefix("bash\n"), encoding="utf-8")
    plan = planning.plan_from_files([tmp_path / "r"], symbols=real)
    lines = [*design_lines(plan.design), *combinations.left_out(plan.counts, plan.dropped)]
    said = part.split("says:\n")[1].split("\n\n## ")[0]
    assert said.splitlines() == [f"    {line}" if line else "" for line in lines]
