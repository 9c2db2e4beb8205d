from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from claim_cases import CLAIM, arms, made_seal
from trial_results import ended

from espalier.analysis.claims.claim_judging import ClaimStatus, judge
from espalier.analysis.rank import TrialResult
from espalier.core.records import ClaimSeal, PlanHeader, Provenance, Revision
from espalier.core.trial import Status
from espalier.plan.claim_seal import emptied

CONFIRMED = CLAIM.format("0.3")
OTHER = CLAIM.format("9")


def judged(made_seals: list[ClaimSeal], results: list[TrialResult], **more: Any) -> dict[str, str]:
    """Return the reason by inadmissible claim, and the status of the others."""
    header = {"claims": made_seals[-1], "seals": made_seals, **more}
    made = judge(PlanHeader(**header), results)
    assert made is not None
    return {
        item.text: item.why if item.status is ClaimStatus.INADMISSIBLE else item.status.value
        for item in made.claims
    }


def run_under(item: TrialResult, **settings: str) -> TrialResult:
    result = replace(item.result, provenance=Provenance(settings=settings))
    return item._replace(result=result)


def test_a_claim_made_before_its_trials_ended_is_admissible() -> None:
    assert judged([made_seal(CONFIRMED, ended=[99])], arms([1.0, 2.0, 3.0])) == {
        CONFIRMED: "CONFIRMED"
    }


def test_a_claim_made_after_a_trial_of_its_arms_had_ended_is_not() -> None:
    assert judged([made_seal(CONFIRMED, ended=[2, 3, 4, 5])], arms([1.0, 2.0, 3.0])) == {
        CONFIRMED: "made when 4 of its trials had ended (config_002, config_003, config_004, ...)"
    }


def test_a_claim_changed_after_its_results_is_inadmissible_and_so_is_the_one_taken_back() -> None:
    seals = [made_seal(OTHER), made_seal(CONFIRMED, ended=[1, 2])]
    assert judged(seals, arms([1.0, 2.0, 3.0])) == {
        CONFIRMED: "made or changed when 2 of its trials had ended (config_001, config_002)",
        OTHER: "taken back when trials of its arms had ended",
    }


def test_claims_may_change_until_a_trial_of_theirs_has_ended() -> None:
    seals = [made_seal(OTHER), made_seal(CONFIRMED, ended=[])]
    assert judged(seals, arms([1.0, 2.0, 3.0])) == {CONFIRMED: "CONFIRMED"}


def test_a_claim_stands_when_another_one_is_added_later_but_its_share_of_alpha_shrinks() -> None:
    """At 0.05 / 2 the lower limit is -0.484."""
    seals = [made_seal(CONFIRMED), made_seal(CONFIRMED, OTHER, ended=[1, 2])]
    assert judged(seals, arms([1.0, 2.0, 3.0])) == {
        CONFIRMED: "UNDECIDED",
        OTHER: "made or changed when 2 of its trials had ended (config_001, config_002)",
    }


@pytest.mark.parametrize("change", [{"alpha": "0.2"}, {"max_seeds": 4}])
def test_another_alpha_or_number_of_seeds_is_another_claim(change: dict[str, Any]) -> None:
    seals = [made_seal(CONFIRMED), made_seal(CONFIRMED, ended=[1], **change)]
    (why,) = judged(seals, arms([1.0, 2.0, 3.0])).values()
    assert why == "made or changed when 1 of its trials had ended (config_001)"


def test_claims_taken_out_after_results_are_still_answered_for() -> None:
    none = replace(emptied(made_seal(CONFIRMED)), ended=[1])
    assert judged([made_seal(CONFIRMED), none], arms([1.0, 2.0, 3.0]), claims=None) == {
        CONFIRMED: "taken back when trials of its arms had ended"
    }


@pytest.mark.parametrize(
    "header",
    [
        {"claims": made_seal(CONFIRMED, alpha="0.2")},
        {"claims": None},
        {"seals": None},
        {"seals": [replace(made_seal(OTHER), claims=[CONFIRMED])]},
    ],
)
def test_a_store_whose_claims_are_not_the_sealed_ones(header: dict[str, Any]) -> None:
    (why,) = judged([made_seal(CONFIRMED)], arms([1.0, 2.0, 3.0]), **header).values()
    assert why == "the claims of the store are not those that were sealed"


def test_trials_that_were_run_under_other_claims() -> None:
    sealed = [made_seal(CONFIRMED)]
    first, *others = arms([1.0, 2.0, 3.0])
    assert judged(
        sealed, [run_under(first, CLAIM=f"{OTHER}; {CONFIRMED}", CLAIM_ALPHA="0.05"), *others]
    ) == {CONFIRMED: "CONFIRMED"}
    for settings in ({"CLAIM": OTHER, "CLAIM_ALPHA": "0.05"}, {"CLAIM": ""}):
        assert judged(sealed, [run_under(first, **settings), *others]) == {
            CONFIRMED: "1 of its trials were run under other claims (config_001)"
        }


def test_more_seeds_than_were_sealed() -> None:
    (why,) = judged([made_seal(CONFIRMED, max_seeds=2)], arms([1.0, 2.0, 3.0])).values()
    assert why == "3 seeds, and it was sealed for 2"


def test_arms_that_never_gave_a_number() -> None:
    results = [
        ended(item.trial, Status.FAILED) if item.trial.config["WAY"] == "new" else item
        for item in arms([1.0, 2.0, 3.0])
    ]
    (why,) = judged([made_seal(CONFIRMED)], results).values()
    assert why == "arms not run: a pair of configurations has no seed that passed in both"


def test_arms_that_the_store_does_not_have() -> None:
    (why,) = judged([made_seal(CONFIRMED)], arms([1.0, 2.0, 3.0])[::2]).values()
    assert why.startswith("arms not run: A=WAY=new: no trial has WAY=new")


def test_steps_must_be_equal_unless_the_claim_says_any() -> None:
    results = arms([1.0, 2.0, 3.0], steps=120)
    assert judged([made_seal(CONFIRMED)], results) == {
        CONFIRMED: "unequal steps: 120 and 100 (config_002 and config_001)"
    }
    free = f"{CONFIRMED} at any steps"
    assert judged([made_seal(free)], results) == {free: "CONFIRMED"}


def test_both_arms_must_be_made_by_the_same_code() -> None:
    results = [
        item._replace(
            result=replace(
                item.result, provenance=Provenance(code=Revision(commit=item.trial.config["WAY"]))
            )
        )
        for item in arms([1.0, 2.0, 3.0])
    ]
    (why,) = judged([made_seal(CONFIRMED)], results).values()
    assert why == "unequal code in 3 of 3 pairs of trials: commit new and commit old"


def test_a_missed_sparsity_is_no_fair_test() -> None:
    results = arms([1.0, 2.0, 3.0], final_sparsity=0.6)
    (why,) = judged([made_seal(CONFIRMED)], results).values()
    assert why == "3 of its trials missed their sparsity (config_002, config_004, config_006)"


def test_parameters_must_be_equal_where_the_claim_says_so() -> None:
    results = arms([1.0, 2.0, 3.0], live_parameters=120)
    said = f"{CONFIRMED} at equal live_parameters"
    assert judged([made_seal(CONFIRMED)], results) == {CONFIRMED: "CONFIRMED"}
    (why,) = judged([made_seal(said)], results).values()
    assert why == "unequal live parameters: 120 and 100 (config_002 and config_001)"
