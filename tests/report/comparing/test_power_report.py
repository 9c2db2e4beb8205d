from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from claim_cases import CLAIM, arms, made_seal
from stored_sweeps import stored
from trial_results import sweep, trial

from espalier.analysis.confidence import ALPHA
from espalier.core.measures import VAL_ACC
from espalier.core.records import ClaimSeal, PlanHeader
from espalier.core.trial import Trial
from espalier.report.comparing.power_report import Wish, power_lines, read_wish

SWEEP = sweep({"a": [90, 91, 92], "b": [90, 92, 94], "c": [90, 93, 96]})


def planned(configurations: int, seeds: int) -> list[Trial]:
    numbers = [(place, seed) for place in range(configurations) for seed in range(1, seeds + 1)]
    return [trial(n, seed, WIDTH=str(place)) for n, (place, seed) in enumerate(numbers, 1)]


def said(results: Path, trials: list[Trial], detect: float | None = None) -> str:
    lines = power_lines(PlanHeader(), trials, results, Wish(VAL_ACC, ALPHA, detect), None)
    return "".join(f"{line}\n" for line in lines)


def test_by_the_spread_of_an_earlier_sweep(
    tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    """With a deviation of 1, 10 seeds see 1.00 and 34 see half of that."""
    stored(tmp_path / "sweep_1", SWEEP)
    golden("power_known", said(tmp_path, planned(4, 10), 0.5) + said(tmp_path, planned(2, 10), 0.5))


def test_at_another_level_it_takes_more_seeds(tmp_path: Path) -> None:
    """At 0.05 / 3 and a deviation of 1: (2.394 + 0.842)^2 / 0.5^2 = 41.9, and 3 for the t."""
    wish = Wish(VAL_ACC, 0.05 / 3, 0.5)
    stored(tmp_path / "sweep_1", SWEEP)
    lines = power_lines(PlanHeader(), planned(2, 10), tmp_path, wish, None)
    assert lines[1] == "Power: what a paired test at alpha 0.0166667 shows in 80 of 100 cases"
    assert lines[4] == "    to see 0.5 points: 45 seeds between two"
    lines = power_lines(
        PlanHeader(), planned(2, 10), tmp_path / "none", Wish(VAL_ACC, 0.05 / 3, 0.5), None
    )
    assert (
        lines[4]
        == "    to see 0.5 points: 14 seeds if that spread is 0.5 points, 45 if 1, 171 if 2"
    )


def test_what_no_number_of_seeds_in_reach_shows_is_said(tmp_path: Path) -> None:
    stored(tmp_path / "sweep_1", SWEEP)
    trials = planned(2, 10)
    assert "to see 1e-08 points: over 1,000,000,000 seeds" in said(tmp_path, trials, 1e-8)
    assert "to see 1e+12 points: 2 seeds" in said(tmp_path, trials, 1e12)


def test_in_units_of_the_spread_without_one(
    tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    golden("power_unknown", said(tmp_path, planned(20, 5), 0.2) + said(tmp_path, planned(2, 5)))


def test_one_seed_shows_nothing(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    golden("power_one_seed", said(tmp_path, planned(2, 1), 0.2))


def test_one_configuration_is_compared_with_nothing(tmp_path: Path) -> None:
    assert said(tmp_path, planned(1, 5), 0.2) == ""


def test_every_model_and_data_set_has_a_line(tmp_path: Path) -> None:
    trials = [
        trial(4 * place + n, n, WIDTH=str(n % 2), MODEL=f"net{place}")
        for place in range(6)
        for n in (1, 2, 3, 4)
    ]
    names = [f"net{place} on digits" for place in range(6)]
    assert [name in said(tmp_path, trials) for name in names] == [True] * 4 + [False] * 2


def test_how_large_the_difference_of_a_claim_must_be(
    tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    """Two claims at 0.025 each, and a spread of 1."""
    stored(tmp_path / "sweep_1", SWEEP)
    claims = made_seal(CLAIM.format("0.5"), CLAIM.format("2"), max_seeds=10)
    trials = [item.trial for item in arms([0.0] * 10)]
    header = PlanHeader(claims=claims)
    lines = power_lines(header, trials, tmp_path, Wish(VAL_ACC, ALPHA, None), None)
    golden("power_claims", "".join(f"{line}\n" for line in lines))
    header = PlanHeader(claims=ClaimSeal(claims=claims.claims, alpha="0.05", max_seeds=1))
    assert (
        len(power_lines(header, trials, tmp_path, Wish(VAL_ACC, ALPHA, None), None))
        == len(lines) - 2
    )


def test_the_measure_is_the_given_one_else_that_which_ranks_the_plan() -> None:
    header = PlanHeader(settings={"RANK_BY": "val_loss,live_parameters"})
    assert read_wish(header, None, ALPHA, None).by.name == "val_loss"
    wish = read_wish(header, "my_score:min", 0.01, 0.5)
    assert (wish.by.name, wish.by.sign, wish.alpha, wish.detect) == ("my_score", -1, 0.01, 0.5)
