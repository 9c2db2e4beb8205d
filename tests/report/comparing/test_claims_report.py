from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from claim_cases import CLAIM, SEALED, arms, header, made_seal
from stored_sweeps import stored

from espalier.analysis.claims.claim_judging import JudgedClaims, judge
from espalier.core.records import PlanHeader
from espalier.report.comparing.claims_report import claims_json, render_claims
from espalier.report.reports import write_reports

RESULTS = arms([1.0, 2.0, 3.0])


def judged(made: PlanHeader) -> JudgedClaims:
    claims = judge(made, RESULTS)
    assert claims is not None
    return claims


def test_each_status_in_words(golden: Callable[[str, str], None]) -> None:
    """At 0.2 / 3, t(2) is 2.456: the limits are 2 -/+ 1.418."""
    known = header(*(CLAIM.format(margin) for margin in ("0.3", "2", "9")), alpha="0.2")
    late = made_seal(CLAIM.format("0.1"))
    seals = [late, replace(late, sealed=SEALED + 60, ended=[1, 2])]
    changed = PlanHeader(
        claims=made_seal(CLAIM.format("1")),
        seals=[seals[0], made_seal(CLAIM.format("1"), sealed=SEALED + 60, ended=[1, 2, 3, 4])],
    )
    golden("claims", render_claims(judged(known)) + render_claims(judged(changed)))


def test_one_seed_shows_no_interval(golden: Callable[[str, str], None]) -> None:
    claims = judge(header(CLAIM.format("1"), max_seeds=1), arms([2.0]))
    assert claims is not None
    golden("claim_one_seed", render_claims(claims))
    (record,) = json.loads(claims_json(claims))["claims"]
    assert (record["difference"], record["interval"], record["n"]) == (2.0, None, 1)


def test_the_numbers_of_a_claim_for_programs() -> None:
    record = json.loads(claims_json(judged(header(CLAIM.format("0.3"), alpha="0.1"))))
    (claim,) = record.pop("claims")
    assert record == {
        "sealed": SEALED,
        "sha256": header(CLAIM.format("0.3"), alpha="0.1").seals[0].sha256,  # type: ignore[index]
        "alpha": 0.1,
        "shared_by": "Bonferroni",
        "max_seeds": 3,
    }
    assert claim.pop("interval") == pytest.approx([2 - 1.8856 / 3**0.5, 2 + 1.8856 / 3**0.5], 1e-4)
    assert claim == {
        "claim": CLAIM.format("0.3"),
        "status": "CONFIRMED",
        "why": "the difference is more than 0.30 points",
        "measure": "val_acc",
        "margin": 0.3,
        "difference": 2.0,
        "level": 0.8,
        "n": 3,
        "alpha": 0.1,
        "pairs": [["config_002", "config_001"]],
    }


def test_claims_are_the_head_of_the_report_and_a_file_beside_it(tmp_path: Path) -> None:
    sealed = made_seal(CLAIM.format("0.3")).as_json()
    folder = stored(tmp_path / "sweep_1", RESULTS, claims=sealed, seals=[sealed])
    text = write_reports(folder)
    assert text.startswith("=" * 60 + "\nCLAIMS:\n")
    assert text.index("CONFIRMED: WAY=new") < text.index("Hyperparameter Sweep Analysis")
    record = json.loads((folder / "sweep_claims.json").read_text(encoding="utf-8"))
    assert [claim["status"] for claim in record["claims"]] == ["CONFIRMED"]


def test_a_sweep_without_claims_has_neither(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", RESULTS)
    assert write_reports(folder).startswith("Hyperparameter Sweep Analysis\n")
    assert not (folder / "sweep_claims.json").exists()
