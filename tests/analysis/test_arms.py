from __future__ import annotations

from collections.abc import Sequence

import pytest
from control_arms import run, trial
from hypothesis import given
from hypothesis import strategies as st
from trial_results import ended

from espalier.analysis.arms import Arm, differences, match, mean_by_draw, parse_arm, resolve
from espalier.analysis.rank import Configuration, TrialResult, rank
from espalier.core.errors import UserError
from espalier.core.measures import VAL_ACC, VAL_LOSS
from espalier.core.trial import REPETITION, Status

TURN, FADE, NONE = (Arm({"METHOD": method}) for method in ("turn", "fade", "none"))


def every(results: Sequence[TrialResult]) -> list[Configuration]:
    ranking = rank(results, "val_loss")
    return list(ranking.configurations)


def sweep() -> list[TrialResult]:
    """Two methods at two sparsities, `turn` with two rates of its own, and none; seeds 1 and 2."""
    settings = [
        {"METHOD": "none"},
        {"METHOD": "turn", "SPARSITY": "0.5", "RATE": "0.1"},
        {"METHOD": "turn", "SPARSITY": "0.5", "RATE": "0.2"},
        {"METHOD": "turn", "SPARSITY": "0.9", "RATE": "0.1"},
        {"METHOD": "fade", "SPARSITY": "0.5"},
        {"METHOD": "fade", "SPARSITY": "0.9"},
    ]
    losses = [(1.0, 1.5), (0.5, 0.25), (1.0, 0.75), (2.0, 2.0), (1.0, 1.0), (1.0, 1.5)]
    each = [
        (setting, seed, loss)
        for setting, values in zip(settings, losses, strict=True)
        for seed, loss in enumerate(values, 1)
    ]
    return [run(trial(n, seed, **s), [loss]) for n, (s, seed, loss) in enumerate(each, 1)]


def names(pairs: Sequence[tuple[Configuration, Configuration]]) -> list[tuple[int, int]]:
    return [(first.first.number, second.first.number) for first, second in pairs]


@pytest.mark.parametrize(
    ("text", "arm"),
    [
        ("METHOD=turn", Arm({"METHOD": "turn"})),
        ("CONFIG_METHOD=turn", Arm({"METHOD": "turn"})),
        ("METHOD=turn,RATE=0.1", Arm({"METHOD": "turn", "RATE": "0.1"})),
        (" METHOD=turn  CONFIG_RATE=0.1, ", Arm({"METHOD": "turn", "RATE": "0.1"})),
        ('HIDDEN="64,32",METHOD=turn', Arm({"HIDDEN": "64,32", "METHOD": "turn"})),
        ("METHOD=turn,METHOD=turn", Arm({"METHOD": "turn"})),
        ("config_012", Arm(name="config_012")),
    ],
)
def test_an_arm_is_values_or_a_configuration(text: str, arm: Arm) -> None:
    assert parse_arm(text, "A") == arm


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "A=: must be SYMBOL=value, several joined by a comma, or a configuration such as"),
        ("turn", "A=turn: must be SYMBOL=value"),
        ("config_012,METHOD=turn", "A=config_012,METHOD=turn: must be SYMBOL=value"),
        ("SEED=3", "A=SEED=3: must not hold SEED, by which trials are paired"),
        ("METHOD=turn,METHOD=fade", "A=METHOD=turn,METHOD=fade: must have one value for METHOD"),
    ],
)
def test_what_is_no_arm(text: str, rule: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_arm(text, "A")
    assert str(caught.value).startswith(rule) and "\n" not in str(caught.value)


def test_numbers_are_as_trials_have_them() -> None:
    arm = resolve(parse_arm("SPARSITY=.90 METHOD=turn", "A"), every(sweep()), "A")
    assert arm == Arm({"SPARSITY": "0.9", "METHOD": "turn"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("METHDO=turn", "B=METHDO=turn: no trial has CONFIG_METHDO; did you mean METHOD?"),
        (
            "METHOD_SELECT_TURN=y",
            "B=METHOD_SELECT_TURN=y: no trial has CONFIG_METHOD_SELECT_TURN; "
            "did you mean METHOD=turn?",
        ),
        (
            "WIDTH=3",
            "B=WIDTH=3: no trial has CONFIG_WIDTH; the trials differ in METHOD, SPARSITY, RATE",
        ),
        (
            "METHOD=trun",
            "B=METHOD=trun: no trial has METHOD=trun; did you mean turn? "
            "the trials have none, turn, fade",
        ),
        (
            "METHOD=fade,RATE=0.1",
            "B=METHOD=fade, RATE=0.1: no configuration has these values together",
        ),
        ("config_099", "B=config_099: must be a trial from config_001 to config_012"),
    ],
)
def test_what_no_trial_has_is_an_error(text: str, message: str) -> None:
    in_plan_order = sorted(every(sweep()), key=lambda item: item.first.number)
    with pytest.raises(UserError) as caught:
        resolve(parse_arm(text, "B"), in_plan_order, "B")
    assert str(caught.value) == message


def test_pairs_agree_in_all_that_both_have() -> None:
    assert names(match(every(sweep()), TURN, FADE)) == [(3, 9), (5, 9), (7, 11)]
    # what has no sparsity stands beside every one
    assert names(match(every(sweep()), NONE, FADE)) == [(1, 9), (1, 11)]
    assert names(match(every(sweep()), FADE, NONE)) == [(9, 1), (11, 1)]


def test_where_leaves_out_other_values() -> None:
    where = Arm({"SPARSITY": "0.9"})
    assert names(match(every(sweep()), TURN, FADE, where)) == [(7, 11)]
    assert names(match(every(sweep()), NONE, FADE, where)) == [(1, 11)]
    assert match(every(sweep()), TURN, FADE, Arm({"RATE": "0.3"})) == []


def test_a_value_that_one_arm_alone_gives_must_agree() -> None:
    turn = Arm({"METHOD": "turn", "SPARSITY": "0.9"})
    assert names(match(every(sweep()), turn, FADE)) == [(7, 11)]


def test_values_of_one_arm_alone_tell_it_from_all_others() -> None:
    assert names(match(every(sweep()), Arm(), FADE)) == [
        *[(1, 9), (1, 11), (3, 9), (5, 9), (7, 11)],
    ]


def test_a_configuration_by_its_name_need_not_agree() -> None:
    named = Arm(name="config_008")  # seed 2 of the fourth configuration
    assert names(match(every(sweep()), named, FADE)) == [(7, 9), (7, 11)]
    assert names(match(every(sweep()), Arm(), named)) == [(n, 7) for n in (1, 3, 5, 9, 11)]


def test_a_draw_counts_once_with_the_mean_of_its_pairs() -> None:
    pairs = match(every(sweep()), TURN, FADE)
    # losses: less is better; seed 1: 0.5, 0 and -1; seed 2: 0.75, 0.25 and -0.5
    assert differences(pairs, VAL_LOSS) == {("1", ""): -0.5 / 3, ("2", ""): 0.5 / 3}
    assert differences(pairs, VAL_ACC) == {("1", ""): 0.0, ("2", ""): 0.0}
    swapped = differences(match(every(sweep()), FADE, TURN), VAL_LOSS)
    assert swapped == {("1", ""): 0.5 / 3, ("2", ""): -0.5 / 3}


def test_a_draw_that_one_pair_lacks_is_left_out() -> None:
    results = sweep()
    results[7] = ended(results[7].trial, Status.ERROR, "crash")  # seed 2 at 0.9
    pairs = match(every(results), TURN, FADE)
    assert list(differences(pairs, VAL_LOSS)) == [("1", "")]
    results[6] = ended(results[6].trial, Status.ERROR, "crash")
    pairs = match(every(results), TURN, FADE)  # the pair at 0.9 has no draw left
    assert differences(pairs, VAL_LOSS) == {("1", ""): 0.25, ("2", ""): 0.5}
    assert differences([], VAL_LOSS) == {}


def test_the_mean_by_draw_is_in_the_order_of_the_first() -> None:
    each = [{("2",): 1.0, ("10",): 2.0, ("1",): 4.0}, {("10",): 4.0, ("2",): 0.0}]
    assert list(mean_by_draw(each).items()) == [(("2",), 0.5), (("10",), 3.0)]
    assert mean_by_draw([]) == {}


SYMBOLS = st.from_regex(r"[A-Z][A-Z0-9_]{0,9}", fullmatch=True).filter(
    lambda name: name not in REPETITION and not name.startswith("CONFIG_")
)
VALUES = st.from_regex(r"[a-z0-9.][a-z0-9.,_-]{0,9}(?<!,)", fullmatch=True)


@given(st.dictionaries(SYMBOLS, VALUES, min_size=1, max_size=4))
def test_an_arm_is_read_as_it_is_written(values: dict[str, str]) -> None:
    assert parse_arm(str(Arm(values)), "A") == Arm(values)


@given(st.text(max_size=30) | st.from_regex(r"[A-Z_=, \"'.0-9a-z]{0,30}", fullmatch=True))
def test_any_text_is_an_arm_or_one_error(text: str) -> None:
    try:
        arm = parse_arm(text, "A")
    except UserError as error:
        assert str(error).startswith("A=")
    else:
        assert arm.name or arm.values
