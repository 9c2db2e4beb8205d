"""Random labels: how many draw anew, and what they hang on."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from espalier.train.data.random_labels import random_labels


@given(st.integers(1, 200), st.integers(2, 20), st.integers(0, 9), st.integers(1, 8))
def test_at_most_a_share_changes_from_task_to_task(samples, classes, seed, task) -> None:
    before, after = (random_labels(samples, classes, seed, k, 0.3) for k in (task - 1, task))
    assert int((before != after).sum()) <= max(1, round(0.3 * samples))
    assert int(after.min()) >= 0 and int(after.max()) < classes


def test_labels_are_even_and_of_their_task_alone_where_all_draw_anew() -> None:
    tasks = [random_labels(10_000, 10, 0, task, 1.0) for task in range(3)]
    for labels in tasks:
        assert all(900 < int(count) < 1100 for count in labels.bincount())
    assert 800 < int((tasks[1] == tasks[2]).sum()) < 1200  # a tenth by chance
    assert torch.equal(random_labels(10_000, 10, 0, 2, 1.0), tasks[2])
    assert not torch.equal(random_labels(10_000, 10, 1, 2, 1.0), tasks[2])


def test_many_samples_of_few_change() -> None:
    before, after = (random_labels(10_000, 10, 0, task, 0.5) for task in (3, 4))
    assert 4300 < int((before != after).sum()) < 4700  # nine tenths of a half
