from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pandas as pd
import pytest
from trial_results import ended, passed, sweep, trial

from espalier.analysis.rank import Ranking, TrialResult, rank
from espalier.core.errors import UserError
from espalier.core.trial import Status
from espalier.report.tables.table_texts import FORMATS, best_per_text, csv_table, ranking_text

AHEAD = {"0.8": [96.0, 96.2, 96.1], "0.9": [98.0, 98.1, 98.2]}
HOSTILE = {
    "</script><img src=x onerror=alert(1)>|": [91.0, 91.1, 91.3],
    r"\input{/etc/passwd}&_[#]%$~^": [90.0, 90.2, 90.1],
    '=HYPERLINK(1),"a"\n': [89.0, 89.2, 89.4],
}


GAINS = {"state": (0.1, 0.3, 0.2), "magnitude": (0.2, 0.2, 0.3), "movement": (0.2, 0.35, 0.1)}


def methods(**more: float) -> list[TrialResult]:
    """One configuration ahead of all, one that missed its target, one short of a seed, one lost."""
    made: list[TrialResult] = []
    for method, score in (("state", 98.0), ("magnitude", 96.0), ("movement", 95.0)):
        for seed in (1, 2, 3):
            item = trial(len(made) + 1, seed, PRUNING_METHOD=method, LR="0.1")
            made.append(passed(item, score + GAINS[method][seed - 1], 90 + seed / 4, **more))
    made[-1] = ended(made[-1].trial, Status.ERROR, "crash")
    lost = trial(10, 1, PRUNING_METHOD="random", LR="0.1")
    short = [trial(10 + seed, seed, PRUNING_METHOD="none", LR="0.1") for seed in (1, 2)]
    return [
        *made,
        ended(lost, Status.FAILED, "diverged"),
        *(passed(item, 99.0, final_sparsity=0.0) for item in short),
    ]


SWEEPS: dict[str, Callable[[], Ranking]] = {
    "one_best": lambda: rank(methods()),
    "no_best": lambda: rank(sweep({"0.8": [96.0, 97.2], "0.9": [96.5, 96.1], "0.7": [95.0]})),
    "by_loss": lambda: rank(methods(val_loss=-0.25), by="val_loss,val_acc"),
    "hostile": lambda: rank(sweep(AHEAD | HOSTILE)),
    "empty": lambda: rank([ended(trial(1, 1), Status.NOTRUN)]),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", SWEEPS)
def test_texts(name: str, form: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}_{form}", ranking_text(SWEEPS[name](), form))


def test_bold_is_what_all_others_are_behind() -> None:
    assert ranking_text(rank(sweep(AHEAD)), "markdown").count("**98.10 ± 0.25**") == 1
    close = AHEAD | {"0.7": [98.1, 97.9, 98.1]}
    assert "**" not in ranking_text(rank(sweep(close)), "markdown")
    assert "No score is bold: 1 of 2 others not behind the best." in ranking_text(
        rank(sweep(close)), "markdown"
    )
    assert r"\textbf" not in ranking_text(rank(sweep(AHEAD), raced=True), "latex")


def test_every_row_of_a_hostile_table_has_its_cells() -> None:
    lines = ranking_text(SWEEPS["hostile"](), "markdown").splitlines()
    assert [line.replace(r"\|", "").count("|") for line in lines[:7]] == [6] * 7
    rows = [
        line
        for line in ranking_text(SWEEPS["hostile"](), "latex").splitlines()
        if line.endswith(r"\\")
    ]
    assert [row.replace(r"\&", "").count("&") for row in rows] == [4] * 6


def test_csv_reads_back() -> None:
    ranking = SWEEPS["hostile"]()
    read = pd.read_csv(io.StringIO(csv_table(ranking)))
    assert read["mean"].tolist() == [item.score.mean for item in ranking.ranked if item.score]
    assert read["is_best"].tolist() == [True, False, False, False, False]
    texts = [
        row["CONFIG_ADAMWPRUNE_BETA1"] for row in csv.DictReader(csv_table(ranking).splitlines())
    ]
    assert texts == ["0.9", "0.8", *list(HOSTILE)[:2], '\'=HYPERLINK(1),"a"\\n']


def test_a_measure_called_as_a_column_has_another_name() -> None:
    ranking = rank([passed(trial(1, 1), 98.0, place=7.0)])
    (row,) = csv.DictReader(csv_table(ranking).splitlines())
    assert (row["place"], row["measure_place"]) == ("1", "7.0")


@pytest.mark.parametrize("form", FORMATS)
def test_the_first_rows(form: str) -> None:
    text = ranking_text(rank(sweep(AHEAD | {"0.55": [95.0, 95.1, 95.3]})), form, 2)
    assert "0.9" in text and "0.8" in text and "0.55" not in text


def test_a_cut_table_says_so() -> None:
    assert "The first 1 of 2 configurations." in ranking_text(rank(sweep(AHEAD)), "markdown", 1)
    assert "**98.10" in ranking_text(rank(sweep(AHEAD)), "markdown", 1)


def at_sparsities() -> Ranking:
    """At 0.5 `state` is ahead with both of its rates; at 0.9 it is not; `rigl` is at 0.9 alone."""
    scores = {
        ("state", "0.5", "0.1"): (98.0, 98.2, 98.1),
        ("state", "0.5", "0.2"): (98.1, 98.0, 98.1),
        ("magnitude", "0.5", "0.1"): (96.0, 96.3, 96.2),
        ("state", "0.9", "0.1"): (93.0, 93.2, 93.1),
        ("magnitude", "0.9", "0.1"): (92.9, 93.4, 92.8),
        ("rigl", "0.9", "0.1"): (93.3, 92.9, 93.0),
    }
    made: list[TrialResult] = []
    for (method, sparsity, rate), values in scores.items():
        swept = {"PRUNING_METHOD": method, "TARGET_SPARSITY": sparsity, "LR": rate}
        for seed, score in enumerate(values, 1):
            item = trial(len(made) + 1, seed, **swept)
            made.append(passed(item, score, final_sparsity=float(sparsity)))
    return rank(made)


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_best_per(form: str, golden: Callable[[str, str], None]) -> None:
    golden(
        f"best_per_{form}", best_per_text(at_sparsities(), form, "PRUNING_METHOD,TARGET_SPARSITY")
    )
    golden(f"best_per_one_{form}", best_per_text(at_sparsities(), form, "PRUNING_METHOD"))


def test_bold_of_a_column_is_a_value_that_all_others_are_behind() -> None:
    text = best_per_text(at_sparsities(), "markdown", "PRUNING_METHOD,TARGET_SPARSITY")
    assert "| state | **98.10 ± 0.25** (n=3) | 93.10 ± 0.25 (n=3) |" in text
    assert "No score is bold at target sparsity 0.9: 2 of 2 others not behind the best." in text


def test_what_has_no_such_symbol_is_said_so() -> None:
    pruned = trial(1, 1, PRUNING_METHOD="state", LR="0.1")
    bare = trial(2, 1, PRUNING_METHOD="none")
    results = [passed(pruned, 98.0), passed(bare, 97.0)]
    assert "| no lr | 97.00 (n=1) |" in best_per_text(rank(results), "markdown", "LR")
    beside = best_per_text(rank(results), "markdown", "PRUNING_METHOD,LR")
    assert "| pruning method | lr 0.1 | no lr |" in beside
    assert "bold" not in beside.lower()  # each column has one row


def test_bad_best_per_is_an_error() -> None:
    with pytest.raises(UserError, match="BEST_PER=LR: goes with FORMAT=markdown or latex"):
        best_per_text(at_sparsities(), "csv", "LR")
    with pytest.raises(UserError, match="BEST_PER=WIDTH: WIDTH is not swept"):
        best_per_text(at_sparsities(), "latex", "WIDTH")
