from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from claim_cases import CLAIM, arms, made_seal
from stored_sweeps import stored

from espalier.core.records import ClaimSeal
from espalier.plan.claim_seal import emptied, is_intact
from espalier.store import sealing

FIRST, SECOND = made_seal(CLAIM.format("1")), made_seal(CLAIM.format("2"))


def renewed(seals: list[ClaimSeal], claims: ClaimSeal | None) -> list[ClaimSeal] | None:
    return sealing.renewed(seals, claims, lambda: [4, 7])


def test_the_first_claims_are_sealed_with_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 5.0)
    (seal,) = renewed([], FIRST) or []
    assert (seal.claims, seal.sealed, seal.ended) == (FIRST.claims, 5.0, [4, 7])
    assert is_intact(seal)


def test_the_same_claims_get_no_further_seal() -> None:
    assert renewed([FIRST], FIRST) == [FIRST]
    assert renewed([FIRST, SECOND], SECOND) == [FIRST, SECOND]


def test_other_claims_are_sealed_beside_the_first() -> None:
    first, second = renewed([FIRST], SECOND) or []
    assert (first, second.sha256, second.ended) == (FIRST, SECOND.sha256, [4, 7])
    assert [seal.sha256 for seal in renewed([FIRST, SECOND], FIRST) or []] == [
        FIRST.sha256,
        SECOND.sha256,
        FIRST.sha256,
    ]


def test_taking_claims_back_is_a_change_too() -> None:
    first, second = renewed([FIRST], None) or []
    assert (first, second.claims, second.ended) == (FIRST, [], [4, 7])
    assert second.sha256 == emptied(FIRST).sha256
    assert renewed([first, second], None) == [first, second]


def test_a_new_seal_in_words() -> None:
    known = replace(FIRST, claims=["A", "B"], ended=[1, 2])
    assert sealing.describe_seal(FIRST, 9) == f"sealed 1 claim, sha256 {FIRST.sha256[:16]}"
    assert sealing.describe_seal(known, 9) == (
        f"note: sealed 2 claims, sha256 {FIRST.sha256[:16]}; 2 of 9 trials have ended already: "
        "claims on these are inadmissible, take seeds not trained yet"
    )


def test_a_sweep_without_claims_has_no_seal() -> None:
    assert renewed([], None) is None


def test_what_has_ended_in_any_sweep_of_the_results_is_known(tmp_path: Path) -> None:
    """Trials 1 to 4 have ended in one sweep; 5 and 6, which did not run, in none."""
    folder = stored(tmp_path / "sweep_1", arms([1.0, 2.0, None]))
    ids = {f"{n:012x}": n + 10 for n in range(2, 9)}
    assert sealing.ended(tmp_path, [], ids) == [12, 13, 14]
    assert sealing.ended(tmp_path / "elsewhere", [folder], ids) == [12, 13, 14]
    assert sealing.ended(tmp_path / "elsewhere", [tmp_path / "sweep_2"], ids) == []


def test_a_store_that_cannot_be_read_has_no_known_trial(tmp_path: Path) -> None:
    (tmp_path / "sweep_1").mkdir()
    (tmp_path / "sweep_1" / "sweep.db").write_text("no database", encoding="utf-8")
    assert sealing.ended(tmp_path, [], {"a": 1}) == []
