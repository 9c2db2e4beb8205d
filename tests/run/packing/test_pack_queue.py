"""Which trials go together: no process, no store."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_sweep import trial

from espalier.core.trial import PAUSED, RUNG, Result, Status, Trial
from espalier.run.packing.pack_queue import (
    PROBE_TRIALS,
    PackLimits,
    PackQueue,
    PackSize,
    pack_size,
    share,
)
from espalier.run.packing.priority import Priority


def shaped(number: int, shape: str = "a") -> Trial:
    return replace(trial(number), shape=shape)


def several(shapes: str) -> list[Trial]:
    return [shaped(number, shape) for number, shape in enumerate(shapes, 1)]


def plenty(first: Trial, waiting: int) -> int:
    return waiting


def anywhere(trial: Trial) -> bool:
    return True


def turns(queue: PackQueue) -> list[tuple[str, list[int]]]:
    """What workers are handed until nothing is left, or an answer is missing."""
    turns = []
    while turn := queue.next(plenty, anywhere):
        turns.append((turn[0], [each.number for each in turn[1]]))
    return turns


def trained(queue: PackQueue) -> list[list[int]]:
    return [numbers for ask, numbers in turns(queue) if ask == "train"]


@pytest.mark.parametrize(
    ("size", "shapes", "expected"),
    [
        (1, "aaa", [[1], [2], [3]]),
        (2, "aaaaa", [[1, 2], [3, 4], [5]]),
        (2, "ababa", [[1, 3], [2, 4], [5]]),
        (9, "abca", [[1, 4], [2], [3]]),
    ],
)
def test_packs_of_a_fixed_size_in_plan_order(
    size: int, shapes: str, expected: list[list[int]]
) -> None:
    assert trained(PackQueue(size, PackLimits(), several(shapes))) == expected


def test_those_of_a_pack_pause_after_the_same_epoch() -> None:
    def until(trial: Trial) -> int:
        return trial.number % 2

    queue = PackQueue(9, PackLimits(), several("aaaaa"), until=until)
    assert trained(queue) == [[1, 3, 5], [2, 4]]


def test_what_has_paused_or_was_stopped_may_be_packed_again() -> None:
    limits = PackLimits()
    for reason in (PAUSED, RUNG):
        limits.update(shaped(1), reason, 4)
    assert limits.largest(shaped(1)) > 1


def test_trials_without_a_shape_run_alone_and_nobody_is_asked() -> None:
    trials = [shaped(1, ""), shaped(2, "")]
    for size in (0, 9):
        assert turns(PackQueue(size, PackLimits(), trials)) == [("train", [1]), ("train", [2])]


def test_a_shape_is_asked_about_once_and_others_go_on_meanwhile() -> None:
    queue = PackQueue(0, PackLimits(), several("abaac"))
    assert turns(queue) == [("probe", [1, 3, 4]), ("train", [2]), ("train", [5])]
    queue.set_size("a", PackSize(2))
    assert turns(queue) == [("train", [1, 3]), ("train", [4])]


def test_at_most_so_many_trials_are_shown_to_a_probe() -> None:
    ((ask, numbers),) = turns(PackQueue(0, PackLimits(), several("a" * (PROBE_TRIALS + 6))))
    assert (ask, numbers) == ("probe", list(range(1, PROBE_TRIALS + 1)))


def test_out_of_memory_halves_the_packs_of_the_shape_down_to_one() -> None:
    limits = PackLimits()
    limits.update(shaped(1), "pack_oom", 5)
    assert trained(PackQueue(4, limits, several("aaabbb"))) == [[1, 2], [3], [4, 5, 6]]
    for size in (2, 4):  # an older, larger pack does not widen it again
        limits.update(shaped(1), "pack_oom", size)
    assert trained(PackQueue(4, limits, several("aa"))) == [[1], [2]]


@pytest.mark.parametrize("reason", ["pack_crash", "pack_timeout", "oom", "crash", "timeout"])
def test_after_any_other_error_a_trial_runs_alone(reason: str) -> None:
    limits = PackLimits()
    limits.update(shaped(2), reason, 3)
    assert trained(PackQueue(3, limits, several("aaaa"))) == [[1, 3, 4], [2]]


@pytest.mark.parametrize("reason", ["", "interrupted", "disk_full"])
def test_what_says_nothing_about_a_trial_bounds_nothing(reason: str) -> None:
    limits = PackLimits()
    limits.update(shaped(2), reason, 3)
    assert trained(PackQueue(3, limits, several("aaa"))) == [[1, 2, 3]]


def test_a_worker_takes_no_more_than_its_share() -> None:
    queue = PackQueue(8, PackLimits(), several("a" * 5))
    seen: list[tuple[str, int]] = []

    def share(first: Trial, waiting: int) -> int:
        seen.append((first.shape, waiting))
        return 3

    turn = queue.next(share, anywhere)
    assert turn is not None and len(turn[1]) == 3
    assert seen == [("a", 5)]


def test_trials_with_a_time_of_their_own_share_no_program() -> None:
    timed = [replace(shaped(n), config={"TRIAL_SECONDS": "60"}) for n in (1, 2)]
    assert turns(PackQueue(0, PackLimits(), timed)) == [("train", [1]), ("train", [2])]


def test_what_may_not_start_here_is_passed_over() -> None:
    queue = PackQueue(8, PackLimits(), several("aba"))
    turn = queue.next(plenty, lambda each: each.number == 2)
    assert turn is not None and [each.number for each in turn[1]] == [2]
    assert queue.next(plenty, lambda each: False) is None


@pytest.mark.parametrize(
    ("waiting", "running", "workers", "others", "expected"),
    [
        (32, 0, 2, 0, 16),
        (16, 16, 2, 0, 16),  # the other has just begun: all that is left is this one's
        (8, 0.5, 2, 0, 5),  # the other is nearly done
        (1, 0, 4, 0, 1),
        (3, 0, 4, 0, 1),
        (5, 0, 2, 10, 5),  # other shapes are work for both meanwhile
        (5, 0, 2, 9, 3),
    ],
)
def test_a_share_leaves_work_for_all(
    waiting: int, running: float, workers: int, others: int, expected: int
) -> None:
    assert share(waiting, running, workers, others) == expected


def test_a_retry_waits_behind_its_priority_at_the_cost_of_one() -> None:
    """Not of sorting the queue again: 4,000 retries of 4,000 trials are 8,000 looks."""
    looks: list[int] = []

    class Counting(Priority):
        def of(self, trial: Trial) -> tuple[int, ...]:
            looks.append(trial.number)
            return (trial.number % 2,)

    queue = PackQueue(1, PackLimits(), several("a" * 6), Counting())
    assert [each.number for each in queue] == [2, 4, 6, 1, 3, 5]
    turn = queue.next(plenty, anywhere)
    assert turn is not None
    looks.clear()
    queue.add(turn[1][0])
    assert looks == [2]
    assert (len(queue), [each.number for each in queue]) == (6, [4, 6, 2, 1, 3, 5])


@pytest.mark.parametrize("answer", ["many", None, 2.5, [8]])
def test_a_probe_that_answers_no_number_means_one_by_one(answer: object) -> None:
    probed = pack_size(Result(Status.PASSED, measures={"pack": answer}))
    assert (probed.size, probed.why) == (1, f"the probe answered pack={answer!r}")


def test_what_a_probe_answers() -> None:
    result = Result(Status.PASSED, measures={"pack": 8, "why": ""})
    assert pack_size(result) == PackSize(8)
    died = Result(Status.ERROR, "pack_crash", "worker exited with code 7: boo")
    assert pack_size(died) == PackSize(
        1, "the probe ended with pack_crash: worker exited with code 7: boo"
    )
