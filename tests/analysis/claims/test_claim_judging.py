from __future__ import annotations

import pytest
from claim_cases import CLAIM, arms, header, made_seal

from espalier.analysis.claims.claim_judging import ClaimStatus, JudgedClaim, judge
from espalier.analysis.rank import TrialResult
from espalier.core.records import PlanHeader


def only(results: list[TrialResult], *claims: str, alpha: str = "0.05") -> JudgedClaim:
    judged = judge(header(*claims, alpha=alpha, max_seeds=len(results) // 2), results)
    assert judged is not None
    return judged.claims[0]


@pytest.mark.parametrize(
    ("margin", "status", "why"),
    [
        ("0.31", ClaimStatus.CONFIRMED, "the difference is more than 0.31 points"),
        ("0.32", ClaimStatus.UNDECIDED, "the difference may be more or less than 0.32 points"),
        ("3.68", ClaimStatus.UNDECIDED, "the difference may be more or less than 3.68 points"),
        ("3.69", ClaimStatus.REFUTED, "the difference is less than 3.69 points"),
    ],
)
def test_one_sided_tests_at_alpha_decide(margin: str, status: ClaimStatus, why: str) -> None:
    """Differences 1, 2, 3: t(2) at 0.95 is 2.920, so the limits are 2 -/+ 2.920 / sqrt(3)."""
    claim = only(arms([1.0, 2.0, 3.0]), CLAIM.format(margin))
    assert (claim.status, claim.why) == (status, why)
    assert claim.difference is not None
    assert claim.difference.n == 3
    assert (claim.difference.low, claim.difference.high) == pytest.approx(
        (0.3142, 3.6858), abs=1e-4
    )


def test_several_claims_share_alpha_in_equal_parts() -> None:
    """At 0.025, t(2) is 4.303: the lower limit is -0.484."""
    claim = only(arms([1.0, 2.0, 3.0]), CLAIM.format("0.3"), CLAIM.format("0.1"))
    assert (claim.status, claim.alpha) == (ClaimStatus.UNDECIDED, 0.025)
    assert claim.difference is not None
    assert claim.difference.low == pytest.approx(2 - 4.3027 / 3**0.5, abs=1e-4)


def test_alpha_is_that_of_the_seal() -> None:
    """At 0.2, t(2) is 1.061: the lower limit is 1.388."""
    assert only(arms([1.0, 2.0, 3.0]), CLAIM.format("1.38"), alpha="0.2").status is (
        ClaimStatus.CONFIRMED
    )


def test_less_is_better_for_a_loss() -> None:
    results = arms([-1.0, -2.0, -3.0], by="val_loss")
    claim = only(results, CLAIM.format("0.3").replace("val_acc", "val_loss"))
    assert claim.status is ClaimStatus.CONFIRMED
    assert claim.difference is not None
    assert claim.difference.mean == 2.0


@pytest.mark.parametrize("differences", [[1.0], [1.0, 1.0, 1.0], [0.0, 0.0]])
def test_differences_without_spread_decide_nothing(differences: list[float]) -> None:
    claim = only(arms(differences), CLAIM.format("0.5"))
    assert claim.status is ClaimStatus.UNDECIDED
    assert "says nothing about chance" in claim.why


def test_a_claim_is_tested_once_when_all_trials_have_ended() -> None:
    results = arms([1.0, 2.0, 3.0, None])
    claim = only(results, CLAIM.format("0"))
    assert claim.status is ClaimStatus.UNDECIDED
    assert claim.why == "2 of its trials have not ended; it is tested when all have"
    assert claim.difference is not None
    assert claim.difference.n == 3


def test_a_claim_waits_for_the_seeds_that_it_was_sealed_for() -> None:
    sealed = made_seal(CLAIM.format("0"), max_seeds=5)
    judged = judge(PlanHeader(claims=sealed, seals=[sealed]), arms([1.0, 2.0, 3.0]))
    assert judged is not None
    (claim,) = judged.claims
    assert claim.status is ClaimStatus.UNDECIDED
    assert claim.why == "it has 3 of the 5 seeds that it is to be tested with"


def test_a_sweep_without_claims_has_nothing_to_answer_for() -> None:
    assert judge(PlanHeader(), arms([1.0, 2.0])) is None
