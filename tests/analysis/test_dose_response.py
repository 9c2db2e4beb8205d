"""Ladders: planted curves are found again, flat ones are not located."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stored_sweeps import stored
from trial_results import passed, sweep, trial

from espalier.__main__ import run
from espalier.analysis.dose_response import (
    LadderPoint,
    climbed,
    d50_interval,
    deviation,
    distance_from_monotone,
    isotonic,
    ladders,
)
from espalier.analysis.logistic_fit import Grid, Logistic
from espalier.analysis.rank import TrialResult, rank
from espalier.core.errors import UserError
from espalier.core.measures import VAL_ACC
from espalier.report.dose_response_report import JSON, PICTURE, as_json, render_ladder

VALUES = [1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005]
PLANTED = Logistic(low=12.0, high=97.0, d50=0.06, slope=2.5)
NOISE = [-1.0, 0.0, 1.0]  # by seed


def climbing(curve: Logistic = PLANTED, noise: list[float] = NOISE) -> list[TrialResult]:
    return sweep({str(v): [curve.at(v) + e for e in noise] for v in VALUES})


def test_the_half_of_a_logistic_is_at_d50_and_its_ends_are_the_plateaus() -> None:
    assert PLANTED.at(0.06) == pytest.approx((12 + 97) / 2)
    assert PLANTED.at(1e9) == pytest.approx(97)
    assert PLANTED.at(1e-9) == pytest.approx(12)
    assert Logistic(0, 1, 2.0, 1.0).at(6.0) == pytest.approx(0.75)  # 1 / (1 + 2/6)


def test_a_planted_curve_is_found_again() -> None:
    (ladder,) = ladders(rank(climbing()))
    assert ladder.symbol == "ADAMWPRUNE_BETA1"
    assert [rung.value for rung in ladder.rungs] == sorted(VALUES)
    assert ladder.curve.d50 == pytest.approx(0.06, rel=0.03)
    assert ladder.curve.low == pytest.approx(12, abs=1)
    assert ladder.curve.high == pytest.approx(97, abs=1)
    assert ladder.located and ladder.ends and ladder.ends[0] < 0.06 < ladder.ends[1]
    assert ladder.octaves and ladder.octaves < 0.5
    assert ladder.violation == 0


def test_a_curve_that_falls_with_the_symbol_is_found_too() -> None:
    (ladder,) = ladders(rank(climbing(Logistic(low=97.0, high=12.0, d50=0.06, slope=2.5))))
    assert ladder.curve.d50 == pytest.approx(0.06, rel=0.03)
    assert ladder.curve.high < ladder.curve.low
    assert ladder.violation == 0


def test_noise_widens_the_interval() -> None:
    (calm,) = ladders(rank(climbing()))
    (loud,) = ladders(rank(climbing(noise=[-9.0, 0.0, 9.0])))
    assert calm.octaves and loud.octaves and calm.octaves < loud.octaves


def test_a_cliff_that_is_not_on_the_ladder_is_not_located() -> None:
    (ladder,) = ladders(rank(sweep({str(v): [90.0, 91.0, 92.0] for v in VALUES})))
    assert not ladder.located
    assert as_json(ladder)["d50"] is None


def test_one_seed_claims_nothing() -> None:
    (ladder,) = ladders(rank(climbing(noise=[0.0])))
    record = as_json(ladder)
    assert (record["seeds"], record["located"]) == (1, False)
    assert [record[name] for name in ("d50", "d50_interval", "octaves")] == [None] * 3
    text = render_ladder(ladder)
    assert "d50: not located" in text and "there are 1): sweep CONFIG_SEED=1|2|3" in text
    assert "interval 0." not in text


def test_seeds_that_not_all_values_have_give_no_interval() -> None:
    results = climbing()
    kept = [r for r in results if r.seed == ("1" if r.trial.number > 12 else "2")]
    (ladder,) = ladders(rank(kept))
    assert (ladder.seeds, ladder.ends, ladder.located) == (0, None, False)
    some = [r for r in results if r.seed != "3" or r.trial.number > 3]  # one lost a seed
    (ladder,) = ladders(rank(some))
    assert ladder.seeds == 2 and ladder.ends


def test_seeds_that_do_not_differ_do_not_make_a_cliff_between_two_values_sure() -> None:
    steep = Logistic(low=12.0, high=97.0, d50=0.07, slope=40.0)  # as good as a step
    (ladder,) = ladders(rank(climbing(steep, [0.0, 0.0, 0.1])))
    assert ladder.ends and ladder.ends[0] < 0.05 and ladder.ends[1] > 0.1


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("alike", [True, False], ids=["a-cliff-a-seed", "noise"])
def test_the_interval_covers_what_it_says(seeds: int, alike: bool) -> None:
    """A smaller share than 0.95 of 100 is 0.88 or more but for a chance of 0.004."""
    random, grid = np.random.default_rng(seeds), Grid(sorted(VALUES), 100.0, 0.0)
    values, covered = np.array(sorted(VALUES))[:, None], 0
    for _ in range(100):
        true = math.exp(random.uniform(math.log(0.03), math.log(0.2)))
        d50 = true * np.exp(0.1 * alike * random.standard_normal(seeds))
        scores = 12 + 85 / (1 + (d50 / values) ** 5)
        scores = np.clip(scores + 3 * random.standard_normal(scores.shape), 0, 100)
        (curve,) = grid.fit(scores.mean(1)[None])
        low, high = d50_interval(grid, curve, scores)
        covered += low <= true <= high
    assert covered >= 93


def test_text(golden: Callable[[str, str], None]) -> None:
    (fitted,) = ladders(rank(climbing()))
    ladder = replace(fitted, curve=PLANTED, ends=(0.05, 0.08), off=0.0)
    golden("dose_response_located", render_ladder(ladder))
    beyond = replace(ladder, rest={"WIDTH": "8"}, ends=(0.05, 1.2), off=0.96, deviation=1.0)
    golden("dose_response_not_located", render_ladder(beyond))
    single = replace(ladder, seeds=1, ends=None, off=5.0, deviation=None)
    golden("dose_response_one_seed", render_ladder(single))


def test_one_ladder_for_each_rest() -> None:
    results = []
    for model in ("one", "two"):
        for value in VALUES:
            number = len(results) + 1
            item = trial(number, 1, DENSITY=str(value), WIDTH=model)
            results.append(passed(item, PLANTED.at(value)))
    fitted = ladders(rank(results))
    assert [ladder.rest for ladder in fitted] == [{"WIDTH": "one"}, {"WIDTH": "two"}]


def test_too_few_rungs_and_no_number_are_one_line() -> None:
    with pytest.raises(UserError, match="CONFIG_ADAMWPRUNE_BETA1: a ladder takes 4 or more"):
        ladders(rank(sweep({"1": [1.0], "2": [2.0], "3": [3.0]})))
    with pytest.raises(UserError, match="no swept symbol is a number above 0"):
        ladders(rank(sweep({"a": [1.0], "b": [2.0]})))
    with pytest.raises(
        UserError, match="no trial has passed with a finite validation accuracy, so"
    ):
        ladders(rank(sweep({"1": [math.nan], "2": [math.nan]})))
    with pytest.raises(UserError, match="CONFIG_OTHER: a ladder takes"):
        ladders(rank(climbing()), "OTHER")


def test_isotonic_pools_neighbours_that_fall() -> None:
    assert isotonic([1, 2, 3], [1, 1, 1]) == [1, 2, 3]
    assert isotonic([1, 3, 2], [1, 1, 1]) == [1, 2.5, 2.5]
    assert isotonic([1, 3, 2], [1, 1, 3]) == [1, 2.25, 2.25]
    assert isotonic([4, 3, 2, 9], [1, 1, 1, 1]) == [3, 3, 3, 9]


def test_the_distance_from_monotone_is_in_deviations_of_a_seed() -> None:
    # means 10, 30, 20: pooled to 25, so 5 off; each rung has seeds at +-2: deviation sqrt(8)
    scores = [[8, 12], [28, 32], [18, 22]]
    assert distance_from_monotone(scores, rising=True) == pytest.approx(5)
    assert deviation(scores) == pytest.approx(math.sqrt(8))
    assert distance_from_monotone([[3], [2], [1]], rising=False) == 0
    assert deviation([[3], [2]]) is None
    assert deviation([[1, 1], [3, 3]]) == deviation([[0.1] * 3, [0.7] * 3]) == 0


@pytest.mark.parametrize(("off", "spread"), [(5.0, None), (5.0, 0.0)])
def test_without_differing_seeds_no_number_of_deviations_is_said(
    off: float, spread: float | None
) -> None:
    (fitted,) = ladders(rank(climbing()))
    ladder = replace(fitted, off=off, deviation=spread)
    assert "inf" not in render_ladder(ladder)
    assert "not monotone, by 5.00 points; seeds do not differ" in render_ladder(ladder)
    assert as_json(ladder)["violation"] is None


def test_the_fit_knows_no_plateau_beyond_what_can_be() -> None:
    items = rank(sweep({str(v): [s] for v, s in ((1, 99.0), (2, 99.5), (4, 99.9), (8, 100.0))}))
    rungs = [
        LadderPoint(float(item.first.config["ADAMWPRUNE_BETA1"]), item) for item in items.ranked
    ]
    ladder = climbed("X", VAL_ACC, {}, sorted(rungs, key=lambda item: item.value))
    assert ladder.curve.high <= 100.1


def test_the_command_writes_the_numbers_and_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stored(tmp_path / "sweep", climbing())
    assert run(["sweep-ladder", "--dir", str(folder)]) == 0
    (record,) = json.loads((folder / JSON).read_text(encoding="utf-8"))
    assert record["symbol"] == "CONFIG_ADAMWPRUNE_BETA1"
    assert record["d50"] == pytest.approx(0.06, rel=0.03)
    assert (folder / PICTURE).read_bytes().startswith(b"\x89PNG")
    assert "d50: 0.0" in capsys.readouterr().out
