"""Halving: who goes on, what is tested, and that the next smaller candidate is shown to fail."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.search.halving import (
    Candidate,
    CandidateScore,
    HalvingResult,
    epochs,
    find,
    halve,
    judge,
)
from espalier.search.learning import Bar, SeedScore

BAR = Bar(margin=0.05, alpha=0.01)
RUNGS = [5, 10, 20]


def named(name: str) -> Candidate:
    return (("NAME", name),)


def measured(
    name: str, size: float, accuracy: float, count: int = 20, lost: str = ""
) -> CandidateScore:
    draws = tuple(SeedScore(accuracy + e, 0.1, 1000) for e in (-0.005, -0.002, 0.0, 0.002, 0.005))
    return CandidateScore(named(name), count, size, draws, lost=lost)


class Fake:
    """Trains nothing: accuracies by name, of sizes by name, and what was asked for."""

    def __init__(self, sizes: dict[str, float], scores: dict[str, list[float]]) -> None:
        """`scores` has an accuracy for each rung."""
        self.sizes, self.scores = sizes, scores
        self.calls: list[tuple[str, int]] = []

    def __call__(self, candidates: Sequence[Candidate], count: int) -> list[CandidateScore]:
        names = [candidate[0][1] for candidate in candidates]
        self.calls.append((" ".join(names), count))
        place = RUNGS.index(count)
        return [measured(n, self.sizes[n], self.scores[n][place], count) for n in names]

    def find(self) -> HalvingResult:
        return find([named(name) for name in self.sizes], self, RUNGS, BAR)


def names(result: Sequence[CandidateScore]) -> list[str]:
    return [score.candidate[0][1] for score in result]


def test_epochs_double_to_the_full_number() -> None:
    assert epochs(40, 4) == [5, 10, 20, 40]
    assert epochs(40, 1) == [40]
    assert epochs(3, 4) == [1, 3]


def test_a_quarter_that_may_yet_learn_stays_and_the_smallest_that_learn() -> None:
    rung = [
        measured("a", 1, 0.10),
        measured("b", 2, 0.15),
        measured("c", 3, 0.12),
        measured("d", 4, 0.40),
        measured("e", 5, 0.14),  # larger than d, which learns
        measured("f", 6, 0.50),
        measured("g", 7, 0.60),
        measured("h", 8, 0.70),
    ]
    assert halve(rung, BAR) == [named(name) for name in "bcdf"]


def test_while_nothing_learns_the_more_accurate_half_stays() -> None:
    rung = [measured(*item) for item in (("a", 1, 0.1), ("b", 2, 0.12), ("c", 3, 0.11))]
    assert halve(rung, BAR) == [named("b"), named("c")]


def test_where_all_learn_the_smallest_half_stays() -> None:
    rung = [measured(*item) for item in (("a", 9, 0.9), ("b", 2, 0.5), ("c", 3, 0.6))]
    assert halve(rung, BAR) == [named("b"), named("c")]


def test_the_smallest_that_learns_is_found_and_the_next_smaller_trained_in_full() -> None:
    sizes = {name: float(place) for place, name in enumerate("abcdefgh", 1)}
    late = {"c": [0.11, 0.12, 0.13], "d": [0.14, 0.2, 0.3]}
    early = {name: [0.5, 0.6, 0.7] for name in "efgh"}
    fake = Fake(sizes, {"a": [0.13] * 3, "b": [0.12] * 3, **late, **early})
    result = fake.find()
    assert result.smallest is not None and names([result.smallest]) == ["d"]
    assert result.below is not None and names([result.below]) == ["c"]
    assert not result.learns(result.below)
    assert fake.calls == [("a b c d e f g h", 5), ("a d e f", 10), ("a d", 20), ("c", 20)]


def test_what_was_dropped_too_early_is_found_on_the_way_down() -> None:
    sizes = {name: float(place) for place, name in enumerate("abcdefgh", 1)}
    slow = {"c": [0.1, 0.1, 0.4], "d": [0.1, 0.1, 0.3]}  # these learn last of all
    scores = {"a": [0.13] * 3, "b": [0.12] * 3, **slow}
    fake = Fake(sizes, {**scores, **{name: [0.5, 0.6, 0.7] for name in "efgh"}})
    result = fake.find()
    assert fake.calls[2:] == [("a e", 20), ("d", 20), ("c", 20), ("b", 20)]
    assert result.smallest is not None and names([result.smallest]) == ["c"]
    assert result.below is not None and names([result.below]) == ["b"]


def test_where_nothing_learns_all_are_trained_in_full_before_that_is_said() -> None:
    fake = Fake(dict.fromkeys("abcd", 1.0), {name: [0.1] * 3 for name in "abcd"})
    result = fake.find()
    assert result.smallest is None
    assert len(result.full) == 4


def test_equal_sizes_are_told_apart_by_accuracy_and_all_tested() -> None:
    sizes = {"a": 1.0, "b": 1.0, "c": 2.0, "d": 3.0}
    low = {name: [0.1, 0.1, 0.1] for name in "ab"}
    result = Fake(sizes, {**low, "b": [0.1, 0.1, 0.12], "c": [0.5] * 3, "d": [0.5] * 3}).find()
    assert result.smallest is not None and names([result.smallest]) == ["c"]
    assert result.below is not None and names([result.below]) == ["b"]
    assert all(score.epochs == 20 for score in result.every if score.size == 1.0)


def test_a_candidate_that_lost_a_seed_has_not_learnt() -> None:
    result = judge([measured("a", 1, 0.9, lost="diverged"), measured("b", 2, 0.9)], 20, BAR)
    assert result.smallest is not None and names([result.smallest]) == ["b"]
    assert result.corrected[named("a")] == 1.0


def test_those_dropped_count_among_the_tests() -> None:
    both = [measured("a", 1, 0.9), measured("b", 2, 0.1, count=5)]
    alone = judge(both[:1], 20, BAR).corrected[named("a")]
    assert judge(both, 20, BAR).corrected[named("a")] == 2 * alone
