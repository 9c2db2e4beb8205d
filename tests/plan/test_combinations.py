from __future__ import annotations

from espalier.plan import combinations


def test_short_names() -> None:
    assert combinations.short_names(["ADAMWPRUNE_BETA1", "PRUNING_RAMP_END_EPOCH", "SEED"]) == {
        "ADAMWPRUNE_BETA1": "BETA1",
        "PRUNING_RAMP_END_EPOCH": "RAMP_END_EPOCH",
        "SEED": "SEED",
    }


def test_short_names_that_would_collide_stay_long() -> None:
    names = ["ADAMWPRUNE_FREQUENCY", "PRUNING_FREQUENCY"]
    assert combinations.short_names(names) == {name: name for name in names}


def test_nothing_left_out() -> None:
    assert combinations.left_out({"combinations": 4, "inactive": 0, "same": 0}, []) == []
