"""Silences and thresholds by hand."""

from __future__ import annotations

import torch

from espalier.methods.plasticity.firing_times import FiringTimes


def noted(rows: list[list[int]], longest: int = 5, first: int = 4) -> FiringTimes:
    times = FiringTimes.begin(len(rows[0]), first, longest)
    for row in rows:
        times.note(torch.tensor(row) > 0)
    return times


def test_a_silence_ends_with_the_firing_and_its_length_is_counted() -> None:
    times = noted([[1, 0], [0, 0], [0, 0], [1, 1], [1, 0]])
    assert times.age.tolist() == [0, 1]
    assert times.silences.tolist() == [[2, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0]]


def test_who_is_silent_for_as_long_as_its_threshold_is_taken_once() -> None:
    times = noted([[0, 1]] * 4)
    assert times.take_overdue().tolist() == [True, False]
    assert times.age.tolist() == [0, 0] and times.silences[0].tolist() == [0, 0, 0, 0, 1, 0]
    assert times.take_overdue().tolist() == [False, False]


def test_thresholds_fall_to_the_percentile_or_double() -> None:
    times = FiringTimes.begin(4, 4, 7)
    times.silences[0, 1:4] = torch.tensor([8, 1, 1])  # 80 %, 90 %, all
    times.silences[1, 4] = 3
    times.silences[2, 0] = 50  # never silent
    times.silences[3, 1:5] = torch.tensor([1, 1, 1, 1])
    times.adapt(0.9)
    assert times.threshold.tolist() == [2, 7, 1, 7]
    assert not times.silences.any()
