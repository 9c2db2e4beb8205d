"""The arms of a bench: names, differences to the baseline, the table, and the claims."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_field import BENCHES, claimed, differences, figures, name_of, table

from espalier.core.paths import ROOT
from espalier.core.trial import Result, Status, Trial
from espalier.plan.planning import plan_from_files

SPARSE = BENCHES["sparse"]


def result(accuracy: float, **more: float) -> Result:
    return Result(Status.PASSED, measures={"val_acc": accuracy, "live_parameters": 1200, **more})


def arms(**more: float) -> dict[str, dict[str, Result]]:
    return {
        "static": {"1": result(90.0, **more), "2": result(92.0, **more)},
        "set": {"1": result(89.0, **more), "2": result(89.0, **more)},
        "rigl": {"1": result(91.0, **more), "2": result(95.0, **more)},
    }


def test_differences_are_paired_and_the_best_is_first() -> None:
    assert differences(SPARSE, arms(), "rigl") == [1.0, 3.0]
    made = list(figures("sparse", SPARSE, arms()))
    assert [figure.what for figure in made] == ["val_acc: rigl - static", "val_acc: set - static"]
    assert {figure.family for figure in made} == {"sparse"}


def test_the_table_by_hand() -> None:
    lines = table(SPARSE, arms(), list(figures("sparse", SPARSE, arms()))).splitlines()
    assert lines[0] == "| arm | n | val_acc | difference | p | live parameters |"
    assert lines[2] == "| static | 2 | 91.00 | baseline |  | 1,200 |"
    # t of 2 differences: 12.706 * their deviation / root 2; p of t = 2 with one degree is 0.295
    assert lines[3] == "| rigl | 2 | 93.00 | +2.00 +/- 12.71 | 0.59 | 1,200 |"
    assert lines[4] == "| set | 2 | 89.00 | -2.00 +/- 12.71 | 0.59 | 1,200 |"


def test_operations_are_a_column_where_every_arm_has_them() -> None:
    counted = arms(flops_total=2.5e9)
    lines = table(SPARSE, counted, list(figures("sparse", SPARSE, counted))).splitlines()
    assert lines[0].endswith("| live parameters | GFLOPs |")
    assert lines[2].endswith("| 1,200 | 2.5 |")


def test_a_name_has_what_tells_an_arm_apart() -> None:
    config = {"PRUNING_METHOD": "snr", "SNR_VICTIMS": "random", "SEED": "1"}
    assert name_of(BENCHES["plasticity"], Trial(1, "a", "0", config)) == "snr, victims random"
    config["SNR_VICTIMS"] = "silent"
    assert name_of(BENCHES["plasticity"], Trial(1, "a", "0", config)) == "snr"


@pytest.mark.parametrize("field", BENCHES)
def test_every_arm_of_a_bench_has_a_name_of_its_own_and_all_seeds(field: str) -> None:
    bench = BENCHES[field]
    trials = plan_from_files([ROOT / "defconfigs" / f"bench-{field}-quick-range"]).trials
    named = {trial.configuration: name_of(bench, trial) for trial in trials}
    seeds = {trial.config["SEED"] for trial in trials}
    assert len(set(named.values())) == len(named) == len(trials) / len(seeds)
    assert bench.baseline in named.values()


def test_claims_are_those_of_the_report(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    text = "====\nCLAIMS:\n----\nSealed then\nCONFIRMED: this\n\nHyperparameter Sweep Analysis\n"
    (tmp_path / "results" / "sweep_analysis.txt").write_text(text, encoding="utf-8")
    assert claimed(tmp_path) == "```text\nSealed then\nCONFIRMED: this\n```"
