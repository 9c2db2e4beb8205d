"""The stratified order: every prefix holds every class in proportion."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from espalier.datasets.stratified_split import members_of_classes, stratified_order

labels = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(torch.tensor)


@given(labels, st.integers(0, 1000))
def test_it_is_a_permutation(y, seed):
    assert stratified_order(y, seed).sort().values.tolist() == list(range(len(y)))


@given(labels, st.integers(0, 1000), st.data())
def test_any_prefix_holds_about_its_share_of_each_class(y, seed, data):
    size = data.draw(st.integers(0, len(y)))
    chosen = y[stratified_order(y, seed)[:size]]
    classes = len(y.unique())
    for label in range(5):
        members = int((y == label).sum())
        off = int((chosen == label).sum()) - size / len(y) * members
        assert abs(off) <= 0.5 + classes * members / len(y) / 2 + 1e-9


def test_the_order_follows_the_seed():
    y = torch.arange(100) % 4
    assert torch.equal(stratified_order(y, 7), stratified_order(y, 7))
    assert not torch.equal(stratified_order(y, 7), stratified_order(y, 8))


def test_the_order_is_pinned():
    """Another order would change every result: it must not happen unnoticed."""
    assert stratified_order(torch.arange(8) % 2, 0).tolist() == [4, 7, 0, 3, 2, 5, 1, 6]


def test_places_of_the_classes():
    places = members_of_classes(torch.tensor([2, 0, 2, 2]))
    assert [place.tolist() for place in places] == [[1], [0, 2, 3]]
