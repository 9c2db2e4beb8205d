from __future__ import annotations

from espalier.core.records import ClaimSeal
from espalier.plan.claim_seal import signed
from espalier.plan.plan import Plan
from espalier.plan.plan_report import describe_plan


def test_a_plan_says_its_claims_and_what_they_are_judged_by() -> None:
    seal = signed(ClaimSeal(claims=["A=1 better", "A=2 better"], alpha="0.05", max_seeds=3))
    assert describe_plan(Plan(trials=[], claims=seal)) == [
        "No variable parameters: one trial.",
        f"Claims, sealed when the sweep begins (alpha 0.05, 3 seeds, sha256 {seal.sha256[:16]}):",
        "  A=1 better",
        "  A=2 better",
    ]


def test_a_plan_without_claims_says_nothing_of_them() -> None:
    assert describe_plan(Plan(trials=[])) == ["No variable parameters: one trial."]
