"""What goes and what comes, in tables worked out by hand."""

import torch
from torch import Tensor

from espalier.sparse.orientation import Orientation
from espalier.sparse.selection import (
    select_droppable,
    select_missing,
    select_per_unit,
    select_weakest,
)


def mask(*rows: str) -> Tensor:
    return torch.tensor([[mark == "x" for mark in row] for row in rows])


WEIGHT = torch.tensor([[0.5, -0.1, 0.0, 0.3], [-0.2, 0.0, 0.0, 0.0], [0.05, -0.9, 0.4, 0.0]])
LIVE = mask("xx.x", "x...", "xxx.")


def test_the_largest_of_each_unit_may_not_go():
    assert torch.equal(select_droppable(WEIGHT, LIVE), mask(".x.x", "....", "x.x."))


def test_where_edges_are_too_few_for_all_units_one_stays():
    live = mask("....", "x...", "x...")  # two for three units
    assert torch.equal(select_droppable(WEIGHT, live), mask("....", "....", "x..."))


def test_a_live_weight_of_0_goes_first_and_a_missing_one_never():
    weight = torch.tensor([[0.0, 0.0, 0.7, 0.2]])
    gone = select_weakest(weight, mask(".xxx"), 1)
    assert torch.equal(gone, mask(".x.."))


def test_the_weakest_go_in_exact_numbers():
    for count, expected in (
        (0, mask("....", "....", "....")),
        (1, mask("....", "....", "x...")),
        (3, mask(".x.x", "....", "x...")),
        (9, mask(".x.x", "....", "x.x.")),  # all that may
    ):
        assert torch.equal(select_weakest(WEIGHT, LIVE, count), expected)


def test_weights_that_are_no_numbers_stay():
    weight = torch.tensor([[float("nan"), 0.1, 0.2, float("inf")]])
    assert torch.equal(select_weakest(weight, mask("xxxx"), 2), mask(".xx."))


def test_the_most_wanted_of_the_missing_come():
    scores = torch.tensor([[9.0, 8.0, 0.5, 9.0], [9.0, 0.4, 0.6, -1.0], [9.0, 9.0, 9.0, 0.6]])
    come = select_missing(scores, ~LIVE, 2)
    assert torch.equal(come, mask("....", "..x.", "...x"))
    assert int(select_missing(scores, ~LIVE, 5).sum()) == 5


def test_scores_that_are_no_numbers_are_never_preferred():
    scores = torch.tensor([[float("nan"), 0.1, 0.2]])
    assert torch.equal(select_missing(scores, mask("xxx"), 2), mask(".xx"))


def test_drawn_edges_are_the_highest_and_every_unit_has_one():
    keys = torch.tensor([[0.9, 0.8, 0.7], [0.1, 0.3, 0.2], [0.6, 0.5, 0.4]])
    assert torch.equal(select_per_unit(keys, 4), mask("xx.", ".x.", "x.."))
    assert torch.equal(select_per_unit(keys, 3), mask("x..", ".x.", "x.."))
    assert torch.equal(select_per_unit(keys, 2), mask("xx.", "...", "..."))  # not enough for all


def test_kernels_count_as_inputs_of_their_unit():
    weight = torch.zeros(2, 1, 2, 2)
    weight[0, 0, 1, 1], weight[1, 0, 0, 1], weight[1, 0, 0, 0] = 0.1, 0.3, -0.2
    live = weight != 0
    assert select_weakest(weight, live, 5).nonzero().tolist() == [[1, 0, 0, 0]]


def test_units_are_where_the_orientation_says():
    weight, live = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), mask("xx", "xx")
    assert torch.equal(select_droppable(weight, live), mask("x.", "x."))  # 2 and 4 stay
    columns = Orientation(transposed=True)
    assert torch.equal(select_droppable(weight, live, columns), mask("xx", ".."))  # 3 and 4 stay
    assert torch.equal(select_weakest(weight, live, 1, columns), mask("x.", ".."))
