from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trial_results import ended, passed, sweep, trial

from espalier.core.records import PlanHeader
from espalier.core.trial import Status, Trial
from espalier.report.sweep_summary import records, summary_text, typed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True),
        ("n", False),
        ("7800", 7800),
        ("-3", -3),
        ("0.05", 0.05),
        ("1e-05", 1e-05),
        ("1e+400", "1e+400"),
        ("inf", "inf"),
        ("nan", "nan"),
        ("adamw", "adamw"),
        ("", ""),
        (None, None),
    ],
)
def test_typed(text: str | None, value: object) -> None:
    parsed = typed(text)
    assert parsed == value and type(parsed) is type(value)


@given(st.text(max_size=8))
def test_typed_text_is_always_json(text: str) -> None:
    json.dumps(typed(text), allow_nan=False)


def test_record_of_a_passed_trial() -> None:
    item = trial(17, 2, ADAMWPRUNE_BETA1="0.87", ADAMWPRUNE_AMSGRAD="n")
    (record,) = records([passed(item, 88.9, 88.51, train_loss=0.25)])
    assert record == {
        "config_file": "config_017",
        "test_id": f"{17:012x}",
        "status": "passed",
        "reason": "",
        "message": "",
        "seed": 2,
        "attempts": 1,
        "model": "mlp",
        "optimizer": "adamwprune",
        "pruning": "state",
        "dataset": "digits",
        "test_acc": 88.51,
        "val_acc": 88.9,
        "final_sparsity": 0.7,
        "total_time": 10.0,
        "train_loss": 0.25,
        "CONFIG_ADAMWPRUNE_BETA1": 0.87,
        "CONFIG_ADAMWPRUNE_AMSGRAD": False,
        "CONFIG_SEED": 2,
    }


def test_every_trial_has_a_record_and_all_have_the_same_keys() -> None:
    results = [
        passed(trial(1, 1, LR="0.1"), 90.0, epochs_run=5),
        ended(trial(2, 1, LR="0.2"), Status.ERROR, "oom", "out of memory"),
        ended(trial(3, 1, BETA="0.9"), Status.NOTRUN),
    ]
    every = records(results)
    assert [item["status"] for item in every] == ["passed", "error", "notrun"]
    assert every[0].keys() == every[1].keys() == every[2].keys()
    assert every[1]["epochs_run"] is None and every[1]["attempts"] == 2
    assert (every[0]["CONFIG_BETA"], every[2]["CONFIG_LR"]) == (None, None)


def test_a_trial_that_did_not_pass_offers_no_accuracy_to_sort_by() -> None:
    item = ended(
        trial(1, 1), Status.FAILED, "diverged", test_acc=99.0, val_acc=99.0, total_time=3.0
    )
    (record,) = records([item])
    assert (record["test_acc"], record["val_acc"], record["total_time"]) == (None, None, 3.0)


def test_text_is_strict_json() -> None:
    results = [passed(trial(1, 1), math.nan, math.inf)]
    assert records(results)[0]["val_acc"] is None
    text = summary_text(results, PlanHeader())
    assert "NaN" not in text and "Infinity" not in text
    (record,) = json.loads(text)
    assert (record["val_acc"], record["test_acc"]) == (None, None)


def test_every_record_has_what_is_said_of_the_sweep() -> None:
    results = sweep({"0.9": [97.0, 98.0]})
    header = PlanHeader(name="first", note="a < b\n$x$", tags=["paper", "pruning"])
    said = {"sweep_name": "first", "sweep_note": "a < b\n$x$", "sweep_tags": "paper,pruning"}
    named = json.loads(summary_text(results, header))
    assert named == [{**record, **said} for record in records(results)]
    assert json.loads(summary_text(results, PlanHeader())) == records(results)


def test_every_record_has_the_sampler_that_chose_it() -> None:
    results = sweep({"0.9": [97.0, 98.0]})
    design = {"sampler": "sobol", "seed": 3, "drawn": 2, "intervals": {"A": "1~2", "B": "1~*9"}}
    chosen = json.loads(summary_text(results, PlanHeader(design=design)))
    said = {"sweep_sampler": "sobol", "sweep_sampler_seed": 3}
    assert chosen[0].items() >= {**said, "sweep_intervals": "CONFIG_A=1~2,CONFIG_B=1~*9"}.items()
    del design["intervals"]
    listed = json.loads(summary_text(results, PlanHeader(design=design)))
    assert listed[1]["sweep_intervals"] is None


def test_no_trials() -> None:
    assert json.loads(summary_text([], PlanHeader())) == []


def test_the_snippet_of_the_guide(tmp_path, monkeypatch, capsys) -> None:
    results = sweep({"0.85": [90.0, 91.0], "0.87": [92.0, 93.0]})
    results += [
        ended(trial(5, 1, ADAMWPRUNE_BETA1="0.89"), Status.ERROR, "crash"),
        ended(trial(6, 2, ADAMWPRUNE_BETA1="0.89"), Status.NOTRUN),
    ]
    results[2] = passed(results[2].trial, 92.0, test_acc=99.5)
    (tmp_path / "sweep_summary.json").write_text(
        summary_text(results, PlanHeader()), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    import pandas as pd

    with open("sweep_summary.json", "r", encoding="utf-8") as f:  # noqa: PTH123, UP015 (verbatim)
        results = json.load(f)

    # Convert to DataFrame for analysis
    df = pd.DataFrame(results)
    best = df.nlargest(5, "test_acc")
    print(best[["config_file", "test_acc", "final_sparsity"]])

    assert df["test_acc"].dtype == "float64"
    ranked = list(best["config_file"].iloc[:4])
    assert ranked == ["config_003", "config_001", "config_002", "config_004"]
    assert "config_003" in capsys.readouterr().out


def test_trial_without_components() -> None:
    bare = Trial(1, "config_001", "a" * 12, {"X": "1"}, {"X": "1"})
    (record,) = records([passed(bare, 1.0)])
    assert (record["model"], record["seed"], record["CONFIG_X"]) == (None, "", 1)
