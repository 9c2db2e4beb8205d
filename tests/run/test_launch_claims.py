from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from claim_cases import made_seal
from fake_sweep import HERE, header, request, trial

from espalier.core.errors import UserError
from espalier.core.records import ClaimSeal
from espalier.core.trial import Trial
from espalier.run import launch
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

CLAIM = "LR=0.001 better than LR=0.002 by {} val_acc"
TRIALS = [
    trial(number, LR=rate, SEED=str(seed))
    for number, (rate, seed) in enumerate(
        [(rate, seed) for rate in ("0.001", "0.002") for seed in (1, 2)], 1
    )
]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def claims(*margins: str, max_seeds: int = 2) -> ClaimSeal | None:
    if not margins:
        return None
    texts = [CLAIM.format(margin) for margin in margins]
    return replace(made_seal(*texts, max_seeds=max_seeds), sealed=None, ended=None)


def swept(results: Path, *margins: str, trials: list[Trial] = TRIALS, new: bool = False) -> None:
    launch.run(
        request(
            results,
            trials,
            header=replace(header(), claims=claims(*margins)),
            new=new,
            in_process=True,
        )
    )


def seals(folder: Path) -> list[ClaimSeal]:
    with Store.open(folder / STORE, readonly=True) as store:
        return store.header.seals or []


def said(folder: Path) -> dict[str, str]:
    record = json.loads((folder / "sweep_claims.json").read_text(encoding="utf-8"))
    return {item["claim"].split()[5]: item["status"] for item in record["claims"]}


def test_claims_are_sealed_before_the_first_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swept(tmp_path, "0.5")
    assert capsys.readouterr().out.startswith("sealed 1 claim, sha256 ")
    (folder,) = sweeps(tmp_path)
    (seal,) = seals(folder)
    with Store.open(folder / STORE, readonly=True) as store:
        assert seal.sealed is not None
        assert seal.sealed <= min(attempt.started for attempt in store.attempts())
    assert (seal.ended, seal.claims) == ([], [CLAIM.format("0.5")])
    assert said(folder)["0.5"] != "INADMISSIBLE"
    assert (folder / "sweep_analysis.txt").read_text(encoding="utf-8").splitlines()[1] == "CLAIMS:"


def test_going_on_does_not_seal_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        swept(tmp_path, "0.5")
    assert capsys.readouterr().out.count("sealed 1 claim") == 1
    (folder,) = sweeps(tmp_path)
    assert len(seals(folder)) == 1


def test_a_claim_that_comes_after_its_results_is_inadmissible_and_not_refused(
    tmp_path: Path,
) -> None:
    swept(tmp_path)
    swept(tmp_path, "0.5")
    (folder,) = sweeps(tmp_path)
    assert [seal.ended for seal in seals(folder)] == [[1, 2, 3, 4]]
    assert said(folder) == {"0.5": "INADMISSIBLE"}


def test_a_claim_that_was_changed_is_inadmissible_and_so_is_the_one_before(tmp_path: Path) -> None:
    swept(tmp_path, "0.5")
    swept(tmp_path, "0.1")
    (folder,) = sweeps(tmp_path)
    assert said(folder) == {"0.1": "INADMISSIBLE", "0.5": "INADMISSIBLE"}
    swept(tmp_path)
    assert said(folder) == {"0.5": "INADMISSIBLE", "0.1": "INADMISSIBLE"}


def test_results_of_an_earlier_sweep_are_known_in_a_new_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swept(tmp_path)
    swept(tmp_path, "0.5", new=True)
    new, _ = sweeps(tmp_path)
    assert [seal.ended for seal in seals(new)] == [[1, 2, 3, 4]]
    assert (
        "4 of 4 trials have ended already: claims on these are inadmissible"
        in capsys.readouterr().out
    )
    assert said(new) == {"0.5": "INADMISSIBLE"}


def test_a_claim_that_the_trials_cannot_show_is_refused_before_there_is_a_folder(
    tmp_path: Path,
) -> None:
    with pytest.raises(UserError, match="no trial has CONFIG_LR|no trial has LR=0.002"):
        swept(tmp_path, "0.5", trials=TRIALS[:2])
    assert sweeps(tmp_path) == []
