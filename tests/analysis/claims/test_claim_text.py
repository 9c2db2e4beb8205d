from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from espalier.analysis.claims.claim_text import Claim, check_claims, configurations, parse_claim
from espalier.core.errors import UserError
from espalier.core.records import ClaimSeal
from espalier.core.trial import Result, Status, Trial

CLAIM = "METHOD=state better than METHOD=magnitude by 0.2 val_acc"


def planned(seeds: Iterable[int] = (1, 2)) -> list[Trial]:
    made: list[Trial] = []
    for method in ("magnitude", "state"):
        for sparsity in ("0.8", "0.9"):
            for seed in seeds:
                config = {"METHOD": method, "TARGET_SPARSITY": sparsity, "SEED": str(seed)}
                n = len(made) + 1
                made.append(Trial(n, f"config_{n:03}", str(n), config, config))
    return made


def names(claim: Claim) -> list[tuple[str, str]]:
    every = configurations((trial, Result(Status.NOTRUN), 0) for trial in planned())
    return [
        (first.first.name, second.first.name) for first, second in claim.ask(every, 0.05).unpaired
    ]


def check(*claims: str, max_seeds: int = 2, place: str = "") -> None:
    check_claims(
        ClaimSeal(claims=[*claims], alpha="0.05", max_seeds=max_seeds, place=place), planned()
    )


def test_a_claim_has_arms_a_margin_and_a_measure() -> None:
    claim = parse_claim(CLAIM)
    assert (claim.first.values, claim.second.values) == (
        {"METHOD": "state"},
        {"METHOD": "magnitude"},
    )
    assert (claim.margin, claim.by.name, claim.equal) == (0.2, "val_acc", ("steps",))
    assert names(claim) == [("config_005", "config_001"), ("config_007", "config_003")]


def test_where_leaves_out_pairs() -> None:
    claim = parse_claim(f"{CLAIM} where CONFIG_TARGET_SPARSITY=.9")
    assert names(claim) == [("config_007", "config_003")]


@pytest.mark.parametrize(
    ("more", "equal"),
    [
        (" at equal parameters", ("steps", "parameters")),
        (" at equal parameters, live_parameters", ("steps", "parameters", "live_parameters")),
        (" at equal parameters and live_parameters", ("steps", "parameters", "live_parameters")),
        (" at any steps", ()),
        (" where TARGET_SPARSITY=0.9 at equal live_parameters at any steps", ("live_parameters",)),
    ],
)
def test_what_must_be_equal_is_said(more: str, equal: tuple[str, ...]) -> None:
    assert parse_claim(CLAIM + more).equal == equal


def test_configurations_can_be_named() -> None:
    claim = parse_claim("config_006 better than config_003 by 0 val_loss")
    assert names(claim) == [("config_005", "config_003")]


@pytest.mark.parametrize(
    ("claim", "rule"),
    [
        ("METHOD=state better METHOD=magnitude", "must be: A better than B by MARGIN MEASURE"),
        (f"{CLAIM} where", "must be: A better than B"),
        (CLAIM.replace("0.2", "0.2%"), "the margin 0.2% must be a number of at least 0"),
        (CLAIM.replace("0.2", "-1"), "the margin -1 must be a number of at least 0"),
        (CLAIM.replace("0.2", "nan"), "the margin nan must be a number of at least 0"),
        (CLAIM.replace("0.2", "inf"), "the margin inf must be a number of at least 0"),
        (CLAIM.replace("val_acc", "val_ac"), "the measure val_ac: must be one of val_acc, "),
        (f"{CLAIM} at equal size", "at equal size: must be some of steps, parameters"),
        (CLAIM.replace("state", "stat"), "no trial has METHOD=stat; did you mean state?"),
        (CLAIM.replace("METHOD=s", "METHODS=s"), "no trial has CONFIG_METHODS"),
        (f"{CLAIM} where TARGET_SPARSITY=0.7", "no trial has TARGET_SPARSITY=0.7"),
        (CLAIM.replace("state", "magnitude"), "are the same; give B another value"),
        (
            "METHOD=state, TARGET_SPARSITY=0.8 better than METHOD=magnitude by 0 val_acc "
            "where TARGET_SPARSITY=0.9",
            "no configuration of A is there",
        ),
        ("SEED=1 better than SEED=2 by 0 val_acc", "must not hold SEED"),
    ],
)
def test_a_claim_that_the_plan_cannot_show_is_refused_with_its_line(claim: str, rule: str) -> None:
    with pytest.raises(UserError) as caught:
        check(claim, place="range:7")
    assert str(caught.value).startswith("range:7: CONFIG_CLAIM=")
    assert rule in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_claim_of_several_is_checked() -> None:
    check(CLAIM, f"{CLAIM} where TARGET_SPARSITY=0.8")
    with pytest.raises(UserError, match="^CONFIG_CLAIM=nonsense: must be"):
        check(CLAIM, "nonsense")


def test_a_value_without_a_claim_is_refused() -> None:
    with pytest.raises(UserError, match="holds no claim"):
        check()


def test_more_seeds_than_are_allowed_are_refused_before_they_run() -> None:
    with pytest.raises(UserError, match="the plan has 2 seeds, and CONFIG_CLAIM_MAX_SEEDS=1"):
        check(CLAIM, max_seeds=1)


def test_an_alpha_that_is_as_good_as_0_is_refused() -> None:
    sealed = ClaimSeal(claims=[CLAIM], alpha="1e-20", max_seeds=2)
    with pytest.raises(UserError, match="CONFIG_CLAIM_ALPHA=1e-20 is too small to be told from 0"):
        check_claims(sealed, planned())


def test_trials_of_a_plan_without_claims_are_not_read() -> None:
    def trials() -> Iterator[Trial]:
        pytest.fail("the trials were read")
        yield

    check_claims(None, trials())
