from __future__ import annotations

from collections.abc import Sequence

import pytest
from control_arms import PLAIN, arms, run, trial
from trial_results import ended, passed

from espalier.analysis.confidence import Interval
from espalier.analysis.controls import Comparison, Events, comparisons, events
from espalier.analysis.rank import TrialResult, rank
from espalier.core.records import PackShare, Provenance
from espalier.core.trial import Result, Status, Trial


def compared(results: Sequence[TrialResult], by: str = "val_loss") -> list[Comparison]:
    return comparisons(rank(results, by), PLAIN)


def named(results: Sequence[TrialResult]) -> set[tuple[str, str, str]]:
    return {
        (item.arm.first.name, item.control.first.name, item.symbol) for item in compared(results)
    }


def test_differences_are_of_the_method_minus_the_control_seed_by_seed() -> None:
    first, second = compared(arms())
    assert (first.arm.first.name, first.control.first.name) == ("config_003", "config_001")
    # -0.25 and -0.75: mean -0.5, half width 12.7062 * 0.25
    assert first.at_end == Interval(-0.5, 2, pytest.approx(12.7062 * 0.25, rel=1e-4))
    # 0.3 and -0.05
    assert second.at_end == Interval(
        pytest.approx(0.125), 2, pytest.approx(12.7062 * 0.175, rel=1e-4)
    )


def test_at_equal_time_the_method_has_done_what_fits() -> None:
    first, second = compared(arms())
    # after 4 s: 1.4 - 1 and 1.65 - 1.25
    assert (first.at_time.mean, first.share) == (pytest.approx(0.4), 0.5)
    assert second.at_time == second.at_end and second.share == 1.0


def test_between_the_ends_of_epochs_the_method_is_on_a_straight_line() -> None:
    control = run(trial(1, 1, METHOD="none"), [2.0, 1.5, 1.0])
    (item,) = compared([control, run(trial(2, 1, METHOD="turn"), [2.0, 1.6, 0.8], 1.2)])
    # 3 s are 2.5 of 3 epochs of 1.2 s: half-way from 1.6 to 0.8
    assert (item.at_time.mean, item.share) == (pytest.approx(0.2), pytest.approx(2.5 / 3))


def test_looking_at_the_loss_is_not_charged() -> None:
    control = run(trial(1, 1, METHOD="none"), [2.0, 1.5, 1.0])
    arm = run(trial(2, 1, METHOD="turn"), [2.0, 1.6, 0.8], 1.5)
    for record, looked in zip(arm.result.history, [None, 0.5, 0.8], strict=True):
        record |= {} if looked is None else {"probe_seconds": looked}
    (item,) = compared([control, arm])
    # epochs of 1.5, 1.0 and 1.2 s: after 3 s 0.5 of the last one
    assert item.at_time.mean == pytest.approx(1.6 - 0.8 * 0.5 / 1.2 - 1.0)
    assert item.share == pytest.approx((2 + 0.5 / 1.2) / 3)


def test_only_equal_draws_are_paired() -> None:
    results = arms()
    results[1] = ended(results[1].trial, Status.ERROR, "crash")
    assert compared(results)[0].at_end == Interval(-0.25, 1, None)
    results[2] = ended(results[2].trial, Status.ERROR, "crash")
    unpaired = compared(results)[1]  # ranked last now
    assert unpaired.arm.first.name == "config_004"
    assert (unpaired.at_end, unpaired.at_time, unpaired.untimed) == (None, None, "")


@pytest.mark.parametrize(
    ("seconds", "by", "why"),
    [
        (None, "val_loss", "histories hold no times"),
        (1.0, "val_acc", "histories hold no validation accuracy"),
        (9.0, "val_loss", "the control is done before its first epoch"),
    ],
)
def test_why_there_is_no_comparison_at_equal_time(seconds: float | None, by: str, why: str) -> None:
    control = run(trial(1, 1, METHOD="none"), [2.0, 1.0], 1.0 if seconds else None)
    (item,) = compared([control, run(trial(2, 1, METHOD="turn"), [2.0, 1.0], seconds)], by)
    assert (item.at_time, item.share, item.untimed) == (None, None, why)
    assert item.at_end == Interval(0.0, 1, None)


def test_a_control_agrees_in_all_that_both_have() -> None:
    results = [
        run(trial(1, 1, METHOD="none", LR="1"), [1.0]),
        run(trial(2, 1, METHOD="none", LR="2"), [1.0]),
        run(trial(3, 1, METHOD="turn", LR="1", TURN_RATE="3"), [1.0]),
        run(trial(4, 1, METHOD="turn", LR="2", TURN_RATE="3"), [1.0]),
        run(trial(5, 1, METHOD="turn", LR="9", TURN_RATE="3"), [1.0]),
    ]
    assert named(results) == {
        ("config_003", "config_001", "METHOD"),
        ("config_004", "config_002", "METHOD"),
    }


def test_what_is_not_swept_must_agree_too() -> None:
    control, arm = trial(1, 1, METHOD="none"), trial(2, 1, METHOD="turn")
    other = Trial(2, arm.name, arm.id, {**arm.config, "MODEL": "lenet5"}, arm.swept)
    assert named([run(control, [1.0]), run(arm, [1.0])])
    assert not named([run(control, [1.0]), run(other, [1.0])])


def test_chance_is_a_control_of_the_symbol_that_is_swept_over_it() -> None:
    results = [
        run(trial(1, 1, METHOD="none"), [1.0]),
        run(trial(2, 1, METHOD="turn", FITNESS="size"), [1.0]),
        run(trial(3, 1, METHOD="turn", FITNESS="random"), [1.0]),
        run(trial(4, 1, METHOD="fade", FITNESS="size"), [1.0]),
    ]
    assert named(results) == {
        ("config_002", "config_001", "METHOD"),
        ("config_003", "config_001", "METHOD"),
        ("config_004", "config_001", "METHOD"),
        ("config_002", "config_003", "FITNESS"),
    }


def test_a_sweep_without_a_control_has_no_comparison() -> None:
    assert compared(arms()[2:]) == []
    assert compared(arms()[:2]) == []
    assert comparisons(rank(arms(), "val_loss"), {}) == []
    assert compared([]) == []


def test_what_is_unequal_is_known() -> None:
    same = {"steps": 40, "parameters": 100}
    results = [
        run(trial(1, 1, METHOD="none"), [1.0], **same, live_parameters=100),
        run(trial(2, 1, METHOD="grow"), [1.0], **{**same, "parameters": 150}),
    ]
    assert compared(results)[0].unequal == {"parameters": (150.0, 100.0)}


def test_shares_of_packs_are_known() -> None:
    item, other = arms()[0], arms()[2]
    for size, packed in ((1, False), (2, True)):
        origin = Provenance(pack=PackShare(size=size))
        in_pack = Result(**{**vars(other.result), "provenance": origin})
        assert compared([item, TrialResult(other.trial, in_pack, 1)])[0].packed is packed


def test_events_are_means_but_the_largest_jump_is_the_largest() -> None:
    results = [
        passed(
            trial(n, n, METHOD="turn"),
            50.0,
            events=count,
            event_jump=jump,
            event_jump_max=3 * jump,
            recovery_steps=5.0 * n,
            unrecovered=n - 1,
            event_seconds=0.2,
            total_time=10.0,
        )
        for n, count, jump in ((1, 10, 0.25), (2, 30, 0.75))
    ]
    (item,) = rank(results).ranked
    assert events(item) == Events(
        20.0, 0.5, 2.25, 7.5, 0.5, pytest.approx(0.01), pytest.approx(0.02)
    )
    (plain,) = rank([passed(trial(1, 1), 50.0)]).ranked
    assert events(plain) is None
    (none,) = rank([passed(trial(1, 1), 50.0, events=0, event_seconds=0.0)]).ranked
    assert events(none) == Events(0.0, None, None, None, None, None, 0.0)
