"""How many slots nodes have room for, and where they go."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_actors import GIB, node

from espalier.run.ray.cluster_slots import SlotNeed, missing

CPU = SlotNeed(cpus=1, memory=GIB, gpus=0)


@pytest.mark.parametrize(
    ("need", "has", "room"),
    [
        (CPU, {"cpus": 4}, 4),
        (CPU, {"cpus": 0}, 0),  # a head that takes no work
        (SlotNeed(3, GIB, 0), {"cpus": 8}, 2),
        (CPU, {"cpus": 8, "memory": 2.5 * GIB}, 2),
        (SlotNeed(1, GIB, 1), {"cpus": 8, "gpus": 4}, 4),
        (SlotNeed(1, GIB, 1), {"cpus": 8}, 0),
        (SlotNeed(1, GIB, 0.5), {"cpus": 8, "gpus": 2}, 4),
        (SlotNeed(1, GIB, 0.3), {"cpus": 8, "gpus": 1}, 3),
        (SlotNeed(1, GIB, 0.1), {"cpus": 8, "gpus": 1}, 8),  # cores run out first
        (SlotNeed(2, GIB, 2), {"cpus": 8, "gpus": 5}, 2),  # two devices a trial
    ],
)
def test_the_room_of_a_node(need: SlotNeed, has: dict[str, float], room: int) -> None:
    assert need.room(node("a", **has)) == room


def test_slots_go_where_the_fewest_are() -> None:
    nodes = [node("a", cpus=4), node("b", cpus=2), node("c", cpus=0)]
    chosen = [each.id for each in missing(nodes, ["a"], CPU, 5)]
    assert chosen == ["b", "a", "b", "a"]
    assert [each.id for each in missing(nodes, ["a"], CPU, 99)] == ["b", "a", "b", "a", "a"]
    assert list(missing(nodes, ["a", "b"], CPU, 2)) == []


@given(st.lists(st.integers(0, 5), max_size=5), st.integers(0, 20))
def test_slots_are_as_many_as_fit_and_are_wanted(cores: list[int], limit: int) -> None:
    nodes = [node(f"n{index}", cpus=count) for index, count in enumerate(cores)]
    counts = Counter(each.id for each in missing(nodes, [], CPU, limit))
    assert counts.total() == min(limit, sum(cores))
    assert all(counts[each.id] <= CPU.room(each) for each in nodes)


def test_slots_of_a_node_that_has_gone_count_until_they_are_let_go() -> None:
    assert [each.id for each in missing([node("b")], ["a", "a"], CPU, 3)] == ["b"]
