from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from trial_results import ended, passed
from two_arms import MAGNITUDE, STATE, arm_trial, ask_two, of_origin, two_arms

from espalier.analysis.rank import TrialResult
from espalier.core.measures import TEST_ACC
from espalier.core.trial import Status
from espalier.report.comparing.verdict_report import render_verdict, verdict_json

FOLDERS = ["results/sweep_1"]


def with_optimizer(item: TrialResult) -> TrialResult:
    own = "adamwprune" if item.trial.config["METHOD"] == "state" else "adamw"
    return item._replace(trial=replace(item.trial, config={**item.trial.config, "OPTIMIZER": own}))


def everything() -> list[TrialResult]:
    """Three sparsities; trials that failed, are to come, have no partner, and are not alike."""
    results = [*two_arms(SPARSITY="0.5"), *two_arms(start=9, SPARSITY="0.9")]
    for place, item in enumerate(results):
        state = item.trial.config["METHOD"] == "state"
        sizes = {"live_parameters": 1000 + state, "total_time": 10.0 + state / 4}
        sparse = {"final_sparsity": 0.8 if place in (8, 9) else 0.9, "target_sparsity": 0.9}
        more = {**sizes, **(sparse if item.trial.config["SPARSITY"] == "0.9" else {})}
        result = replace(item.result, measures={**item.result.measures, **more})
        results[place] = of_origin(
            item._replace(result=result),
            code={"commit": "ab"[state] * 40},
            versions={"torch": f"2.{place % 2}"},
        )
    results = [with_optimizer(item) for item in results]
    results[3] = ended(results[3].trial, Status.FAILED, "diverged", "loss is nan")
    results[15] = ended(results[15].trial, Status.NOTRUN)
    more = [passed(arm_trial(17, 1, "state", SPARSITY="0.95"), 90.0)]
    more += two_arms([0.5], start=18, SPARSITY="0.99")
    results += [with_optimizer(item) for item in more]
    results[-1] = ended(results[-1].trial, Status.ERROR, "crash", "killed")
    return results


def test_text(golden: Callable[[str, str], None]) -> None:
    race = [0.5, 0.25, 0.75, 0.5, 0.4, 0.6, 0.3, 0.7]
    verdicts = {
        "better": ask_two(two_arms()),
        "worse": ask_two(two_arms(), first=MAGNITUDE, second=STATE, alpha=0.1),
        "equivalent": ask_two(two_arms([0.25, -0.25, 0.125, -0.125]), margin=1.0),
        "undecided": ask_two(two_arms([1.0, -0.5, 1.0, -0.5])),
        "one": ask_two(two_arms([1.0])),
        "same": ask_two(two_arms([1.0, 1.0])),
        "far": ask_two(two_arms([1.0, -1.0, 1.0, -1.0, 0.01])),
        "none": ask_two([*two_arms([1.0])[:1], ended(two_arms([1.0])[1].trial, Status.NOTRUN)]),
        "tested": ask_two(two_arms(), by=TEST_ACC),
        "race": ask_two(two_arms(race), anytime=True),
        "early": ask_two(two_arms(race[:2]), anytime=True),
    }
    texts = [f"[{name}]\n{render_verdict(item, FOLDERS)}" for name, item in verdicts.items()]
    golden("verdicts", "\n".join(texts))


def test_what_makes_it_doubtful_is_said(golden: Callable[[str, str], None]) -> None:
    text = render_verdict(ask_two(everything()), ["results/sweep_1", "results/sweep_2"], 3)
    golden("verdict_of_unequal_sides", text)


def test_seeds_that_were_not_made_alike() -> None:
    results = [of_origin(item, device="ab"[int(item.seed) > 2]) for item in two_arms()]
    lines = render_verdict(ask_two(results), FOLDERS).splitlines()
    assert lines[0].startswith("BETTER")
    assert lines[-5:-1] == [
        "NOTE: A and B were made alike seed by seed, but not all seeds were:",
        "  on 2 devices:",
        "    a: 4 trials",
        "    b: 4 trials",
    ]


def test_json() -> None:
    record = json.loads(verdict_json(ask_two(two_arms(), margin=0.125), FOLDERS))
    numbers = ("verdict", "difference", "n", "alpha", "margin", "seeds_needed")
    assert [record[name] for name in numbers] == ["better", 0.5, 4, 0.05, 0.125, None]
    low, high = record["interval"]
    assert 0.17 < low < 0.18 and 0.82 < high < 0.83
    assert record["pairs"] == [["config_001", "config_005"]]
    assert (record["a"], record["b"], record["where"]) == ("METHOD=state", "METHOD=magnitude", "")
    assert (record["measure"], record["more_is_better"], record["anytime"]) == (
        *("val_acc", True, False),
    )
    assert record["folders"] == FOLDERS


def test_json_of_unequal_sides() -> None:
    record = json.loads(verdict_json(ask_two(everything()), FOLDERS, 3))
    assert record["left_out"] == {
        "trials_without_result": 2,
        "trials_not_run": 1,
        "trials_in_several_folders": 3,
        "draws_not_in_all_pairs": 0,
        "pairs_without_common_draw": 1,
        "configurations_without_partner": {"a": 1, "b": 0},
    }
    assert record["unequal"] == {
        "live_parameters": {"a": 1001.0, "b": 1000.0},
        "total_time": {"a": 10.25, "b": 10.0},
    }
    assert [item["what"] for item in record["not_alike"]] == ["code"]
    assert record["also_different"] == ["OPTIMIZER"]


def test_json_without_an_interval_has_null() -> None:
    record = json.loads(verdict_json(ask_two(two_arms([1.0])), FOLDERS))
    assert (record["verdict"], record["interval"], record["difference"]) == (
        *("undecided", [None, None], 1.0),
    )
