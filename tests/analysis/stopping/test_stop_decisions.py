"""Decisions at rungs, against lists worked out by hand, and in any order of arrival."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.analysis.stopping.stop_decisions import Course, Fate, RungDecisions, Stage
from espalier.core.measures import VAL_ACC
from espalier.plan.stopping.stop_rules import RungRule, StopRules

HALVING = StopRules(RungRule.HALVING, VAL_ACC, reduction=2)
ASHA = StopRules(RungRule.ASHA, VAL_ACC, reduction=2)
BEST_TWO = StopRules(RungRule.FIRST_EPOCH, VAL_ACC, keep=2)
END = Fate(Stage.TRAIN, 0)


def courses(*scores: float | None, rungs: Sequence[int] = (1,)) -> list[Course]:
    """A course for each score at rung 1; None: it has none yet."""
    return [Course(rungs, {} if score is None else {1: score}) for score in scores]


def decide(every: Sequence[Course], rules: StopRules) -> list[Fate]:
    """Return the fates of configurations of which all is shown at once."""
    return RungDecisions(every, rules).fates


def stages(every: Sequence[Course], rules: StopRules) -> str:
    """Return a letter for each: t(rain), w(ait), s(top)."""
    return "".join(fate.stage.value[0] for fate in decide(every, rules))


@pytest.mark.parametrize(
    ("scores", "letters"),
    [
        ([4, 1, 3, 2], "tsts"),
        ([4, 1, None, 2], "wwtw"),  # all wait for the last
        ([1, 1, 1, 1], "ttss"),  # of equals the earlier ones
        ([1, 2, 3], "sst"),  # 3 // 2 go on
        ([7], "t"),
    ],
)
def test_halving_waits_for_all_and_keeps_the_best_part(
    scores: list[float | None], letters: str
) -> None:
    assert stages(courses(*scores), HALVING) == letters


@pytest.mark.parametrize(
    ("scores", "letters"),
    [
        ([1, 2, 3, 4], "tttt"),  # each is the best so far
        ([4, 3, 2, 1], "tsss"),  # the first goes on, being the only one
        ([4, 1, 3, 2], "tsss"),  # 3 is second of 3, of which 1 goes on
        ([2, 1, 9, 8], "tstt"),  # 8 is second of 4, of which 2 go on
        ([4, None, 3, 2], "ttww"),  # judged as far as nobody is missing
        ([None, 5], "tw"),
        ([5, 5], "ts"),
    ],
)
def test_asha_judges_each_among_those_before_it(scores: list[float | None], letters: str) -> None:
    assert stages(courses(*scores), ASHA) == letters


def test_the_best_after_an_epoch_go_on() -> None:
    assert stages(courses(1, 5, 3, 4), BEST_TWO) == "stst"


@pytest.mark.parametrize("rules", [HALVING, ASHA, BEST_TWO])
def test_what_is_lost_stops_and_counts_as_the_worst(rules: StopRules) -> None:
    fates = decide([Course((1,), lost=True), *courses(1)], rules)
    assert fates == [Fate(Stage.STOP, 1, fates[0].place, fates[0].among), END]


def test_a_second_rung_takes_those_of_the_first() -> None:
    both = (1, 2)
    every = [Course(both, {1: 9, 2: 1}), Course(both, {1: 1}), Course(both, {1: 9.5, 2: 5})]
    assert decide(every, ASHA) == [END, Fate(Stage.STOP, 1, 2, 2), END]
    every[2] = Course(both, {1: 9, 2: 0.5})  # 3rd of 3 at the first rung
    assert decide(every, ASHA)[2] == Fate(Stage.STOP, 1, 2, 3)


def test_whoever_may_still_come_to_a_rung_is_waited_for_there() -> None:
    both = (1, 2)
    every = [Course(both), Course(both, {1: 3, 2: 3})]
    assert decide(every, ASHA) == [Fate(Stage.TRAIN, 1), Fate(Stage.WAIT, 1)]
    every = [Course(both, {1: 3}), Course(both, {1: 4, 2: 4})]
    assert decide(every, ASHA) == [Fate(Stage.TRAIN, 2), Fate(Stage.WAIT, 2)]


@pytest.mark.parametrize("rules", [HALVING, ASHA])
def test_only_what_is_as_sparse_is_compared(rules: StopRules) -> None:
    """The unpruned ones would come before every pruned one."""
    scored = [(9, 0), (8, 0), (3, 90), (2, 90), (1, 50)]
    every = [Course((1,), {1: score}, {1: percent}) for score, percent in scored]
    assert stages(every, rules) == "tstst"


def test_a_short_trial_is_compared_only_at_rungs_before_its_end() -> None:
    every = [Course((1,), {1: 1}), Course((1, 3), {1: 2, 3: 2}), Course((), {})]
    assert decide(every, HALVING) == [Fate(Stage.STOP, 1, 2, 2), END, END]


def test_what_was_stopped_stays_stopped() -> None:
    (first, second) = decide([Course((1,), {1: 9}, stopped=1), *courses(1)], BEST_TWO)
    assert (first.stage, second.stage) == (Stage.STOP, Stage.TRAIN)


SCORES = st.lists(
    st.dictionaries(st.sampled_from([1, 2, 4]), st.sampled_from([0.0, 1.0, 2.0, 3.0])),
    min_size=1,
    max_size=7,
)


def shown(scores: Sequence[Mapping[int, float]], count: Sequence[int]) -> list[Course]:
    """The courses of which each has come to so many of its rungs."""
    rungs = (1, 2, 4)
    full = [{rung: each.get(rung, 0.0) for rung in rungs} for each in scores]
    return [
        Course(rungs, dict(list(each.items())[:n])) for each, n in zip(full, count, strict=True)
    ]


@given(SCORES, st.data(), st.sampled_from([HALVING, ASHA, BEST_TWO]))
def test_a_decision_stays_whatever_is_shown_later(
    scores: list[dict[int, float]], data: st.DataObject, rules: StopRules
) -> None:
    final = decide(shown(scores, [3] * len(scores)), rules)
    count = [data.draw(st.integers(0, 3)) for _ in scores]
    for early, last in zip(decide(shown(scores, count), rules), final, strict=True):
        if early.stage is Stage.STOP:
            assert early == last
        elif early.rung == 0:
            assert last == END
        else:  # it has come so far in the end too
            assert last.rung == 0 or last.rung >= early.rung


@given(SCORES, st.randoms(use_true_random=False), st.sampled_from([HALVING, ASHA, BEST_TWO]))
def test_the_decisions_are_those_of_any_order_of_arrival(
    scores: list[dict[int, float]], chance: Random, rules: StopRules
) -> None:
    decisions = RungDecisions(shown(scores, [0] * len(scores)), rules)
    count = [0] * len(scores)
    assert decisions.take_changed() == set()
    while behind := [n for n, reached in enumerate(count) if reached < 3]:
        place = chance.choice(behind)
        count[place] += 1
        before = list(decisions.fates)
        decisions.show(place, shown(scores, count)[place])
        assert decisions.fates == decide(shown(scores, count), rules)
        differing = {n for n, fate in enumerate(before) if fate != decisions.fates[n]}
        assert differing <= decisions.take_changed()


class CountedCourse(Course):
    """A course that counts how often it is looked at, over all of them."""

    looks = 0

    def ready(self, rung: int) -> bool:
        CountedCourse.looks += 1
        return super().ready(rung)


@pytest.mark.parametrize("rules", [HALVING, ASHA, BEST_TWO])
def test_what_one_shows_costs_no_look_at_all_others(rules: StopRules) -> None:
    CountedCourse.looks, count = 0, 200
    decisions = RungDecisions([CountedCourse((1, 2))] * count, rules)
    for place in range(count):
        decisions.show(place, CountedCourse((1, 2), {1: place}))
    assert CountedCourse.looks <= 3 * count
