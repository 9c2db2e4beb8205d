"""The published masks against their construction in plain loops, and their exact counts."""

from __future__ import annotations

import pytest
import torch

from espalier.layers.dendrites import published_masks

Place = tuple[int, int]


def near(grid: Place, centre: Place, size: int, *, ring: bool = False) -> list[Place]:
    """Places within `size` of a centre by the larger of both distances, or exactly so far."""
    places = []
    for row in range(grid[0]):
        for column in range(grid[1]):
            far = max(abs(row - centre[0]), abs(column - centre[1]))
            if far == size or (not ring and far < size):
                places.append((row, column))
    return places


def lowest(places: list[Place], keys: dict[Place, float], count: int) -> list[Place]:
    """`count` places, drawn by the numbers that are given for them."""
    return sorted(places, key=lambda place: keys[place])[:count]


def allocate(grid: Place, centre: Place, count: int, keys: dict[Place, float]) -> set[Place]:
    """The published allocation: a neighbourhood, thinned, or filled from the rings around it."""
    inside = near(grid, centre, 1)
    if len(inside) >= count:
        return set(lowest(inside, keys, count))
    extra = near(grid, centre, 2, ring=True)
    size = 3
    while count - len(inside) > len(extra):
        extra += near(grid, centre, size, ring=True)
        size += 1
    return {*inside, *lowest(extra, keys, count - len(inside))}


def fields(grid: Place, centres: list[Place], count: int) -> list[set[Place]]:
    noise = torch.rand(len(centres), grid[0] * grid[1])
    drawn = []
    for centre, row in zip(centres, noise.tolist(), strict=True):
        keys = {(i // grid[1], i % grid[1]): key for i, key in enumerate(row)}
        drawn.append(allocate(grid, centre, count, keys))
    return drawn


def centres(grid: Place, count: int) -> list[Place]:
    rows, columns = (torch.randint(side, (count,)).tolist() for side in grid)
    return list(zip(rows, columns, strict=True))


def seen(mask: torch.Tensor, columns: int) -> list[set[Place]]:
    return [{(i // columns, i % columns) for i in row.nonzero().flatten().tolist()} for row in mask]


@pytest.mark.parametrize("count", [1, 4, 9, 16, 30, 60])
@pytest.mark.parametrize("grid", [(8, 8), (10, 6)])
def test_local_fields_are_those_of_the_published_construction(grid: Place, count: int) -> None:
    torch.manual_seed(count)
    mask = published_masks.draw_inputs("local", grid, 5, 3, count)
    torch.manual_seed(count)
    assert seen(mask, grid[1]) == fields(grid, centres(grid, 15), count)


@pytest.mark.parametrize(("dendrites", "count"), [(3, 4), (9, 16), (12, 9), (40, 20)])
def test_global_fields_are_those_of_the_published_construction(dendrites: int, count: int) -> None:
    grid = (8, 7)
    torch.manual_seed(dendrites)
    mask = published_masks.draw_inputs("global", grid, 5, dendrites, count)
    torch.manual_seed(dendrites)
    around = fields(grid, centres(grid, 5), dendrites)
    expected = fields(grid, [place for field in around for place in sorted(field)], count)
    assert seen(mask, grid[1]) == expected


def test_random_inputs_are_as_many_over_all_dendrites_together() -> None:
    torch.manual_seed(1)
    mask = published_masks.draw_inputs("random", (8, 8), 50, 4, 16)
    assert mask.shape == (200, 64) and int(mask.sum()) == 200 * 16
    assert mask.sum(1).min() < 16 < mask.sum(1).max()  # of one dendrite the number is a mean
    share = mask.double().mean(0)  # 0.25, standard error 0.03
    assert share.min() > 0.1 and share.max() < 0.4


def test_somas_see_their_own_dendrites_or_any_or_all() -> None:
    own = published_masks.draw_somas("own", 3, 2)
    assert own.int().tolist() == [[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]]
    assert int(published_masks.draw_somas("random", 3, 2).sum()) == 6
    assert published_masks.draw_somas("all", 3, 2).all()


@pytest.mark.parametrize(
    ("units", "grid"), [(1, (1, 1)), (7, (7, 1)), (8, (4, 2)), (16, (4, 4)), (128, (16, 8))]
)
def test_the_grid_of_somas_is_as_square_as_can_be(units: int, grid: Place) -> None:
    assert published_masks.arrange_grid(units) == grid


@pytest.mark.parametrize("count", [0, 65])
@pytest.mark.parametrize("kind", ["local", "random"])
def test_more_places_than_there_are_is_refused(kind: published_masks.Inputs, count: int) -> None:
    with pytest.raises(ValueError, match=f"{count}"):
        published_masks.draw_inputs(kind, (8, 8), 1, 1, count)
