"""Receptive fields and small worlds beside loops over their nodes."""

import math

import pytest
import torch

from espalier.methods.rewiring.topology import first_links

SHAPES = [(6, 15), (15, 6), (8, 8), (5, 13), (1, 7)]


def keys_of(shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def smaller_first(keys):
    rows = keys.double()
    return (rows if len(rows) <= len(rows.T) else rows.T).tolist()


def degrees(nodes, count):
    return [(i + 1) * count // nodes - i * count // nodes for i in range(nodes)]


def field_by_hand(keys, count, randomness):
    rows = smaller_first(keys)
    small, large = len(rows), len(rows[0])
    linked = set()
    for i, degree in enumerate(degrees(small, count)):
        centre = i * (large // small)
        around = [min(abs(j - centre), large - abs(j - centre)) for j in range(large)]
        if randomness == 0:
            waits = [d + key for d, key in zip(around, rows[i], strict=True)]
        else:
            power = (1 - randomness) / randomness
            waits = [-math.log(k) * (1 + d) ** power for d, k in zip(around, rows[i], strict=True)]
        linked |= {(i, j) for j in sorted(range(large), key=lambda j: waits[j])[:degree]}
    return linked


def world_by_hand(keys, count, randomness):
    rows = smaller_first(keys)
    small, large = len(rows), len(rows[0])
    linked = set()
    for j, degree in enumerate(degrees(large, count)):
        start = int(j * small / large - degree / 2)
        linked |= {((start + k) % small, j) for k in range(degree)}
    gone = {(i, j) for i, j in linked if rows[i][j] < randomness}
    kept = linked - gone
    uniform = {
        (i, j): rows[i][j] / randomness if (i, j) in gone else rows[i][j]
        for i in range(small)
        for j in range(large)
        if (i, j) not in kept
    }
    return kept | set(sorted(uniform, key=lambda at: uniform[at])[: len(gone)])


def places(mask):
    rows = mask if mask.shape[0] <= mask.shape[1] else mask.T
    return {(i, j) for i, j in rows.nonzero().tolist()}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("randomness", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("share", [0.1, 0.4, 1.0])
def test_links_are_those_of_the_loops(shape, randomness, share):
    count = round(share * math.prod(shape))
    for seed in range(3):
        keys = keys_of(shape, seed)
        field = first_links.link_receptive_fields(keys, count, randomness)
        world = first_links.link_small_world(keys, count, randomness)
        assert int(field.sum()) == int(world.sum()) == count
        assert places(field) == field_by_hand(keys, count, randomness)
        assert places(world) == world_by_hand(keys, count, randomness)


def test_nearest_neighbours_by_hand():
    field = first_links.link_receptive_fields(keys_of((3, 6)), 9, 0.0).int().tolist()
    assert field == [[1, 1, 0, 0, 0, 1], [0, 1, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1]]


@pytest.mark.parametrize("link", [first_links.link_receptive_fields, first_links.link_small_world])
def test_all_places_are_as_likely_where_all_is_random(link):
    shares = sum(link(keys_of((4, 6), seed), 8, 1.0).double() for seed in range(3000)) / 3000
    torch.testing.assert_close(shares, torch.full((4, 6), 1 / 3).double(), atol=0.05, rtol=0)


def test_kernels_are_inputs_in_a_row():
    keys = keys_of((3, 2, 2, 2))
    linked = first_links.link_receptive_fields(keys, 7, 0.5)
    flat = first_links.link_receptive_fields(keys.flatten(1), 7, 0.5)
    assert linked.shape == keys.shape and torch.equal(linked.flatten(1), flat)
