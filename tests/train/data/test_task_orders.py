"""Orders of tasks: what a share moves, and what it leaves."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from espalier.train.data.task_orders import permutation, task_order


@given(st.integers(2, 60), st.integers(0, 9), st.integers(1, 12), st.floats(0.01, 0.99))
def test_a_share_moves_from_task_to_task_and_the_rest_stays(places, seed, task, share) -> None:
    before, after = (task_order(places, seed, k, share) for k in (task - 1, task))
    assert sorted(after.tolist()) == list(range(places))
    assert int((before != after).sum()) == max(2, round(share * places))


def test_an_abrupt_task_does_not_depend_on_those_before_it() -> None:
    assert torch.equal(task_order(50, 3, 7, 1.0), permutation(50, 3, 7))
    assert task_order(4, 3, 0, 1.0).tolist() == [0, 1, 2, 3]
