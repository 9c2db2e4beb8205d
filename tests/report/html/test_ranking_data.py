from __future__ import annotations

from trial_results import ended, passed, sweep, trial

from espalier.analysis.arms import in_plan_order
from espalier.analysis.rank import TrialResult, rank
from espalier.core.trial import Record, Status
from espalier.report.html.ranking_data import ranking_data, shown_measures


def data(results: list[TrialResult], by: str = "val_acc") -> Record:
    ranking = rank(results, by)
    return ranking_data(ranking, in_plan_order(ranking.configurations))


def lost() -> TrialResult:
    return ended(trial(5, 1, ADAMWPRUNE_BETA1="0.89"), Status.ERROR, "oom", "out of memory")


def test_configurations_stand_in_plan_order_with_their_places() -> None:
    made = data([*sweep({"0.85": [90.0, 91.0], "0.87": [95.0, 96.0]}), lost()])
    assert made["place"] == [2, 1, 0]
    assert made["notes"][made["note"][2]] == "not ranked: error"
    (symbol,) = made["symbols"]
    assert symbol == {
        "name": "ADAMWPRUNE_BETA1",
        "numeric": True,
        "texts": ("0.85", "0.87", "0.89"),
        "codes": (0, 1, 2),
    }


def test_trials_of_a_configuration_stand_together() -> None:
    made = data([*sweep({"0.85": [90.0, 91.0], "0.87": [95.0, 96.0]}), lost()])["trials"]
    assert made["count"] == [2, 2, 1]
    assert made["name"] == [f"config_00{n}" for n in range(1, 6)]
    assert made["draw"] == (0, 1, 0, 1, 0)
    assert made["score"] == [90.0, 91.0, 95.0, 96.0, None]


def test_measures_have_means_and_intervals() -> None:
    measures = data(sweep({"0.85": [90.0, 92.0], "0.87": [95.0, 95.0]}))["measures"]
    assert [each["name"] for each in measures] == ["val_acc"]  # the others are the same for all
    assert measures[0]["mean"] == [91.0, 95.0] and measures[0]["n"] == [2, 2]
    assert measures[0]["half"] == [12.706, None]  # t of one degree times 1.0


def test_a_symbol_that_is_off_has_no_code() -> None:
    results = [
        passed(trial(1, 1, METHOD="none"), 90.0),
        passed(trial(2, 1, METHOD="prune", RATE="fast"), 91.0),
    ]
    symbols = {each["name"]: each for each in data(results)["symbols"]}
    assert symbols["RATE"]["codes"] == (-1, 0) and not symbols["RATE"]["numeric"]


def test_a_large_sweep_shows_fewer_measures() -> None:
    more = {f"extra_{n}_loss": float(n) for n in range(30)}
    ranking = rank([passed(trial(1, 1, LR="1"), 90.0, **more)], "val_acc")
    assert len(shown_measures(ranking, in_plan_order(ranking.configurations))) == 20
    assert len(shown_measures(ranking, in_plan_order(ranking.configurations) * 20_000)) == 6


def test_a_measure_of_unknown_direction_is_shown_and_one_with_a_blank_is_not() -> None:
    ranking = rank([passed(trial(1, 1, LR="1"), 90.0, luck=1.0, **{"a b": 2.0})], "val_acc")
    names = [by.name for by in shown_measures(ranking, in_plan_order(ranking.configurations))]
    assert "luck" in names and "a b" not in names
