from __future__ import annotations

import hashlib
from dataclasses import replace

from espalier.core.records import ClaimSeal
from espalier.core.trial import Trial
from espalier.plan.claim_seal import is_intact, seal, split_claims

SETTINGS = {"CLAIM": " A=1  better;B=2 better ;", "CLAIM_ALPHA": "0.05", "CLAIM_MAX_SEEDS": "0"}


def trials(*draws: tuple[str, str]) -> list[Trial]:
    return [
        Trial(n, f"config_{n}", str(n), {"SEED": seed, "SPLIT_SEED": split})
        for n, (seed, split) in enumerate(draws, 1)
    ]


def test_claims_are_split_at_semicolons_and_have_single_blanks() -> None:
    assert split_claims(" A=1  better;\tB=2 ;; A=1 better") == ["A=1 better", "B=2"]
    assert split_claims(" ; ") == []


def test_the_hash_is_of_the_claims_alpha_and_the_number_of_seeds() -> None:
    made = seal(SETTINGS, trials(("1", "0"), ("2", "0"), ("1", "0"), ("1", "7")))
    assert made is not None
    assert (made.claims, made.max_seeds) == (["A=1 better", "B=2 better"], 3)
    text = '[1,["A=1 better","B=2 better"],"0.05",3]'
    assert made.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_a_number_of_seeds_that_is_set_goes_before_that_of_the_plan() -> None:
    made = seal({**SETTINGS, "CLAIM_MAX_SEEDS": "20"}, trials(("1", "0")))
    assert made is not None
    assert made.max_seeds == 20


def test_a_plan_without_a_claim_has_no_seal() -> None:
    assert seal({"CLAIM": ""}, []) is None
    assert seal({}, []) is None


def test_any_change_breaks_a_seal_and_its_place_and_time_are_none() -> None:
    made = seal(SETTINGS, trials(("1", "0")))
    assert made is not None
    assert is_intact(replace(made, sealed=5.0, ended=[1], place="r:3"))
    for change in ({"claims": ["A=1 better"]}, {"alpha": "0.1"}, {"max_seeds": 2}):
        assert not is_intact(replace(made, **change))


def test_a_seal_is_kept_as_json() -> None:
    made = ClaimSeal(claims=["A"], alpha="0.05", max_seeds=3, sha256="ab", sealed=1.5, ended=[2])
    assert ClaimSeal.from_json(made.as_json()) == made
    assert "sealed" not in ClaimSeal().as_json()
