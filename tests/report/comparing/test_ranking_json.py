from __future__ import annotations

import json

from trial_results import ended, sweep, trial

from espalier.analysis.rank import rank
from espalier.core.trial import Status
from espalier.report.comparing.ranking_json import ranking_json


def test_the_ranking_as_data() -> None:
    results = sweep({"a": [90.0, 91.0, 92.0], "b": [50.0, 51.1, 52.0], "c": [91.0, 90.5, 91.0]})
    waiting = ended(trial(10, 1, ADAMWPRUNE_BETA1="d"), Status.NOTRUN)
    data = json.loads(ranking_json(rank([*results, waiting])))
    first, second, third = data.pop("configurations")
    assert data == {
        "by": "val_acc",
        "more_is_better": True,
        "alpha": 0.05,
        "compared": 3,
        "not_ranked": ["config_010"],
    }
    assert (first["config_file"], first["verdict"], first["behind_by"]) == (
        "config_001",
        None,
        None,
    )
    assert (second["config_file"], second["verdict"], second["pairs"]) == ("config_007", "tied", 3)
    assert (third["verdict"], round(third["behind_by"], 9)) == ("behind", round(119.9 / 3, 9))


def test_in_a_race_the_rate_is_that_of_the_race() -> None:
    assert json.loads(ranking_json(rank(sweep({"a": [1.0]}), raced=True)))["alpha"] is None


def test_nothing_is_ranked() -> None:
    data = json.loads(ranking_json(rank([])))
    assert (data["compared"], data["configurations"]) == (0, [])
