"""A race's decisions: by hand, whatever the order, and how often they are wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.analysis.anytime_tests import t_evidence
from espalier.analysis.confidence import resolution
from espalier.analysis.race_decisions import (
    NO_SCORE,
    Race,
    RaceDecision,
    RaceRules,
    RaceState,
    RaceStatus,
    decide,
)
from espalier.core.measures import VAL_ACC, VAL_LOSS

RULES = RaceRules(alpha=0.05, margin=0, first_seeds=2, max_seeds=10)
SCORES = st.lists(
    st.lists(st.none() | st.integers(0, 40).map(lambda k: k / 4), min_size=6, max_size=6),
    min_size=1,
    max_size=5,
)


def statuses(state: RaceState) -> list[str]:
    return [str(each.status) for each in state.decisions]


def noisy(means: list[float], seeds: int = 10, sd: float = 1.0, seed: int = 1) -> list[list[float]]:
    draws = np.random.default_rng(seed).normal(0, sd, (len(means), seeds))
    rows: list[list[float]] = (np.array(means)[:, None] + draws).tolist()
    return rows


def test_no_configuration_has_nothing_to_decide() -> None:
    assert decide([], RULES, VAL_ACC) == RaceState((), (), 0, True, 2)


def test_one_is_best_after_the_first_round() -> None:
    assert decide([[90.0]], RULES, VAL_ACC).ended is False
    state = decide([[90.0, 91.0]], RULES, VAL_ACC)
    assert state == RaceState((RaceDecision(RaceStatus.BEST, 2),), (0,), 2, True, 3)


def test_of_two_the_worse_leaves_when_its_evidence_is_40() -> None:
    better, worse = [3.1, 2.9, 3.3, 3.2, 3.0, 2.8], [1.0, 1.2, 0.9, 1.1, 1.0, 0.8]
    pairs = list(zip(better, worse, strict=True))
    evidence = [
        t_evidence([a - b for a, b in pairs[:n]], resolution(better[:n] + worse[:n]))[-1]
        for n in range(1, 7)
    ]
    left = next(n for n, e in enumerate(evidence, 1) if n >= 2 and e >= 40)
    assert 3 <= left <= 5
    state = decide([worse, better], RULES, VAL_ACC)
    assert state.decisions == (
        RaceDecision(RaceStatus.BEHIND, left, left),
        RaceDecision(RaceStatus.BEST, left),
    )
    assert (state.rounds, state.survivors, state.ended) == (left, (1,), True)


def test_of_losses_the_smaller_is_better() -> None:
    assert statuses(decide(noisy([0, 9], 6), RULES, VAL_LOSS)) == ["best", "behind"]
    assert statuses(decide(noisy([0, 9], 6), RULES, VAL_ACC)) == ["behind", "best"]


def test_the_limit_grows_with_the_number_of_configurations() -> None:
    two = noisy([0, 3], seed=4)
    alone = decide(two, RULES, VAL_ACC).decisions[0].left
    others = [[-30.0 - 10 * k + s / 7 for s in range(10)] for k in range(30)]
    among = decide([*two, *others], RULES, VAL_ACC).decisions[0].left
    assert alone is not None and among is not None
    assert alone < among


def test_a_round_waits_for_all_that_are_in() -> None:
    scores = noisy([0, 0.1, 0.2])
    state = decide([scores[0][:4], scores[1], scores[2][:3]], RULES, VAL_ACC)
    assert (state.rounds, state.due, state.ended) == (3, 4, False)
    assert {each.seeds for each in state.decisions} == {3}
    assert decide([scores[0][:1], scores[1]], RULES, VAL_ACC).rounds == 0


def test_ties_go_on_to_the_cap_and_are_undecided() -> None:
    state = decide([[90.0] * 12] * 4, RULES, VAL_ACC)
    assert state.ended and state.rounds == 10
    assert statuses(state) == ["undecided"] * 4
    assert all(each == RaceDecision(RaceStatus.UNDECIDED, 10) for each in state.decisions)


def test_rounding_is_a_tie() -> None:
    assert statuses(decide([[0.1 + 0.2] * 10, [0.3] * 10], RULES, VAL_ACC)) == ["undecided"] * 2


def test_a_seed_without_a_score_is_left_out_of_its_pairs() -> None:
    whole = noisy([0, 9, 8.9], seed=2)
    gaps: list[list[float | None]] = [list(each) for each in whole]
    gaps[0][1] = None
    fewer = [each[:1] + each[2:] for each in whole[:2]]
    alone = decide(fewer, RULES, VAL_ACC).decisions[0].left
    assert decide(gaps[:2], RULES, VAL_ACC).decisions[0].left == (alone or 0) + 1


def test_one_without_any_score_leaves_undecided_and_says_why() -> None:
    state = decide([[None, None], *noisy([0, 0.1], 2)], RULES, VAL_ACC)
    assert state.decisions[0] == RaceDecision(RaceStatus.UNDECIDED, 2, 2, NO_SCORE)
    assert state.survivors == (1, 2)
    nothing = decide([[None, None]] * 2, RULES, VAL_ACC)
    assert nothing.ended and nothing.survivors == ()


def test_those_that_beat_each_other_in_a_circle_stay() -> None:
    """Only where each pair has seeds that the third lacks."""

    def gaps(order: list[tuple[int, int]]) -> list[list[float | None]]:
        rows: list[list[float | None]] = [[] for _ in range(3)]
        for low, high in order:
            for noise in (0.0, 0.1, 0.05, 0.12, 0.02, 0.07):
                for i, row in enumerate(rows):
                    row.append({low: 0.0, high: 5 + noise}.get(i))
        return rows

    rules = RaceRules(0.05, 0, 18, 18)
    state = decide(gaps([(0, 1), (1, 2), (2, 0)]), rules, VAL_ACC)
    assert statuses(state) == ["undecided"] * 3


def test_what_lies_within_the_margin_ends_the_race() -> None:
    scores = noisy([0, 0.01, -8], 40, 0.1)
    rules = RaceRules(0.05, 1.0, 2, 40)
    state = decide(scores, rules, VAL_ACC)
    assert statuses(state) == ["within", "within", "behind"]
    assert state.rounds < 15 and state.ended
    assert statuses(decide(scores, RaceRules(0.05, 0.001, 2, 40), VAL_ACC))[:2] == ["undecided"] * 2


def test_a_margin_apart_is_not_within_it() -> None:
    shares = []
    for seed in range(60):
        state = decide(noisy([0, 0.5], 30, 1.0, seed), RaceRules(0.05, 0.5, 2, 30), VAL_ACC)
        shares.append("within" in statuses(state))
    assert sum(shares) / 60 <= 0.05


def test_exactly_the_margin_apart_is_not_within_it_whatever_rounding_says() -> None:
    """0.3 - 0.2 is less than 0.1 by rounding."""
    rules = RaceRules(0.05, 0.1, 2, 10)
    state = decide([[0.3] * 10, [0.2] * 10], rules, VAL_LOSS)
    assert "within" not in statuses(state)
    ties = decide([[0.3] * 10] * 2, rules, VAL_LOSS)
    assert statuses(ties) == ["within"] * 2 and ties.rounds < 10


def test_seeds_beyond_the_cap_are_not_looked_at() -> None:
    long = noisy([0, 0.4, 0.2], 30)
    assert decide(long, RULES, VAL_ACC) == decide([row[:10] for row in long], RULES, VAL_ACC)


@given(SCORES, st.randoms(use_true_random=False), st.sampled_from([0.0, 1.0]))
def test_the_order_of_configurations_does_not_matter(
    scores: list[list[float | None]], random: object, margin: float
) -> None:
    rules = RaceRules(0.2, margin, 2, 6)
    places = list(range(len(scores)))
    random.shuffle(places)  # type: ignore[attr-defined]
    there = decide(scores, rules, VAL_ACC)
    shuffled = decide([scores[i] for i in places], rules, VAL_ACC)
    assert shuffled.decisions == tuple(there.decisions[i] for i in places)
    assert (shuffled.rounds, shuffled.ended) == (there.rounds, there.ended)


@given(SCORES, st.integers(2, 5), st.sampled_from([0.0, 1.0]))
def test_more_seeds_do_not_change_earlier_rounds(
    scores: list[list[float | None]], seeds: int, margin: float
) -> None:
    rules = RaceRules(0.2, margin, 2, 6)
    early = decide([row[:seeds] for row in scores], rules, VAL_ACC)
    late = decide(scores, rules, VAL_ACC)
    for before, after in zip(early.decisions, late.decisions, strict=True):
        if before.left is not None or early.ended:
            assert after == before
        else:
            assert after.left is None or after.left > early.rounds


@given(SCORES, st.sampled_from([0.0, 1.0]))
def test_going_on_is_the_same_as_beginning_anew(
    scores: list[list[float | None]], margin: float
) -> None:
    rules = RaceRules(0.2, margin, 2, 6)
    race = Race(len(scores), rules, VAL_ACC)
    for seeds in range(7):
        rows = [row[:seeds] for row in scores]
        assert race.advance(rows) == decide(rows, rules, VAL_ACC)


@given(SCORES)
def test_who_has_left_does_not_need_more_seeds(scores: list[list[float | None]]) -> None:
    rules = RaceRules(0.2, 0.0, 2, 6)
    whole = decide(scores, rules, VAL_ACC)
    cut = [
        row[: each.left or each.seeds] for row, each in zip(scores, whole.decisions, strict=True)
    ]
    assert decide(cut, rules, VAL_ACC) == whole


def test_a_wider_race_may_take_one_back_in() -> None:
    two = noisy([0, 2.2], seed=11)
    left = decide(two, RULES, VAL_ACC).decisions[0].left
    assert left is not None
    others = [[-9.0 - 10 * k + s / 7 for s in range(left)] for k in range(100)]
    state = decide([*(row[:left] for row in two), *others], RULES, VAL_ACC)
    assert 0 in state.survivors and state.decisions[0].left is None


@pytest.mark.parametrize("lumps", [0.0, 216.0])
def test_equal_ones_seldom_leave(lumps: float) -> None:
    """Of 300 races of 8 equal configurations with common seed effects, to the cap of 15."""
    rng = np.random.default_rng(5)
    rules, gone, alone = RaceRules(0.05, 0, 2, 15), 0, 0
    for _ in range(300):
        chance = 1 / (1 + np.exp(-(math.log(0.97 / 0.03) + rng.normal(0, 0.3, 15))))
        smooth = rng.normal(0, 1, (8, 15)) + 10 * chance
        scores = rng.binomial(216, chance, (8, 15)) / 2.16 if lumps else smooth
        state = decide(scores.tolist(), rules, VAL_ACC)
        gone += 8 - len(state.survivors)
        alone += len(state.survivors) == 1
    assert gone / (300 * 8) <= 0.05
    assert alone / 300 <= 0.05
