"""What ranks on request decides as the plan's own measure would, and is checked alike."""

from __future__ import annotations

from typing import Any

import pytest
from trial_results import trial

from espalier.core.errors import UserError
from espalier.core.records import PlanHeader
from espalier.plan.stopping.deciding_measures import check_deciders, ranked_by

TPE = {
    "SAMPLER": "tpe",
    "SAMPLER_TRIALS": "4",
    "SAMPLER_SEED": "0",
    "SAMPLER_BATCH": "0",
    "SAMPLER_STARTUP": "2",
    "RANK_BY": "val_acc",
}
PROPOSED = {"ask": 0, "trial": "aa", "values": {}, "of": {}, "observed": None}
DESIGN: dict[str, Any] = {"sampler": "tpe", "seed": 0, "trials": 4, "proposals": [PROPOSED]}
HEADER = PlanHeader(settings=TPE, design=DESIGN)
TRIALS = [trial(1, 1)]


def test_what_ranks_on_request_is_a_setting_of_the_header() -> None:
    assert ranked_by(HEADER, None) is HEADER
    assert ranked_by(HEADER, "val_loss").settings == {**TPE, "RANK_BY": "val_loss"}


def test_what_stops_keeps_its_measure_whatever_ranks() -> None:
    stopping = PlanHeader(settings={"STOP": "asha", "STOP_BY": "", "RANK_BY": "val_acc"})
    settings = ranked_by(stopping, "test_acc").settings
    assert (settings["STOP_BY"], settings["RANK_BY"]) == ("val_acc", "test_acc")


def test_a_sampler_is_not_told_of_the_test_set() -> None:
    check_deciders(ranked_by(HEADER, "val_loss"), TRIALS)
    with pytest.raises(UserError, match="RANK_BY=test_acc: test_acc is of the test data"):
        check_deciders(ranked_by(HEADER, "test_acc"), TRIALS)
