"""Which inputs units see: different, fairly drawn, near their centres, the same for a seed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from espalier.layers.dendrites import wiring
from espalier.layers.dendrites.wiring import Local, Pixels

WIRINGS: dict[str, wiring.Wiring] = {"random": wiring.random, "local": Local((1, 8, 8))}
P_001 = 103.4  # chi-square of 63 degrees of freedom exceeds this once in 1000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", WIRINGS)
@pytest.mark.parametrize("fan_in", [1, 16, 63, 64])
def test_rows_are_different_inputs_in_order(name: str, fan_in: int) -> None:
    index = WIRINGS[name](40, 64, fan_in, seeded())
    assert index.shape == (40, fan_in) and index.dtype == torch.int64
    assert int(index.min()) >= 0 and int(index.max()) < 64
    assert bool((index.diff(dim=1) > 0).all())


@pytest.mark.parametrize("name", WIRINGS)
def test_the_same_seed_gives_the_same_inputs(name: str) -> None:
    draw = WIRINGS[name]
    assert torch.equal(draw(9, 64, 5, seeded()), draw(9, 64, 5, seeded()))
    assert not torch.equal(draw(9, 64, 5, seeded()), draw(9, 64, 5, seeded(1)))
    torch.manual_seed(3)
    first = draw(9, 64, 5)
    torch.manual_seed(3)
    assert torch.equal(first, draw(9, 64, 5))


@pytest.mark.parametrize("draw", [*WIRINGS.values(), wiring.full])
def test_more_inputs_than_there_are_is_an_error_with_both_numbers(draw: wiring.Wiring) -> None:
    with pytest.raises(ValueError, match="fan_in=65, inputs=64"):
        draw(3, 64, 65)


@pytest.mark.parametrize("draw", WIRINGS.values())
def test_no_input_is_an_error(draw: wiring.Wiring) -> None:
    with pytest.raises(ValueError, match="fan_in=0"):
        draw(3, 64, 0)


def chi_square(index: Tensor, inputs: int) -> float:
    """Of how often each input was drawn; corrected for draws without replacement."""
    counts = index.flatten().bincount(minlength=inputs).double()
    units, fan_in = index.shape
    expected = units * fan_in / inputs
    spread = expected * (1 - fan_in / inputs) * inputs / (inputs - 1)
    return float(((counts - expected) ** 2 / spread).sum())


def test_random_inputs_are_uniform() -> None:
    assert chi_square(wiring.random(5000, 64, 16, seeded()), 64) < P_001


def test_random_sets_are_uniform() -> None:
    """Six sets of two of four inputs; chi-square of 5 degrees of freedom, p = 0.001."""
    index = wiring.random(6000, 4, 2, seeded())
    counts = (index[:, 0] * 4 + index[:, 1]).bincount(minlength=16)
    counts = counts[counts > 0].double()
    assert len(counts) == 6
    assert float(((counts - 1000) ** 2 / 1000).sum()) < 20.5


def test_full_is_every_input() -> None:
    assert wiring.full(2, 3, 3).tolist() == [[0, 1, 2], [0, 1, 2]]
    with pytest.raises(ValueError, match="fan_in=2, inputs=3"):
        wiring.full(2, 3, 2)


def distance(index: Tensor, pixels: Pixels) -> float:
    """Mean distance between the pixels of a unit's inputs."""
    place = wiring.pixel_places(pixels)[index].float()  # (units, fan_in, 2)
    return float(torch.stack([torch.pdist(each).mean() for each in place]).mean())


@pytest.mark.parametrize(
    ("pixels", "fan_in", "spread"),
    [((1, 8, 8), 4, 0.25), ((1, 28, 28), 16, 0.5), ((3, 32, 32), 16, 0.5), ((2, 5, 40), 12, 0.3)],
)
def test_local_inputs_are_near_each_other(pixels: Pixels, fan_in: int, spread: float) -> None:
    inputs = pixels[0] * pixels[1] * pixels[2]
    local = Local(pixels, spread)(200, inputs, fan_in, seeded())
    random = wiring.random(200, inputs, fan_in, seeded())
    assert distance(local, pixels) < 0.6 * distance(random, pixels)


def test_a_field_as_wide_as_the_image_is_nearly_random() -> None:
    """16 synapses have a deviation of 4 pixels, and the digits 8 pixels."""
    near, far = (Local((1, 8, 8), spread)(300, 64, 16, seeded()) for spread in (0.0, 0.5))
    random = distance(wiring.random(300, 64, 16, seeded()), (1, 8, 8))
    assert distance(near, (1, 8, 8)) < 0.65 * random
    assert 0.8 * random < distance(far, (1, 8, 8)) < random


def test_local_inputs_are_of_all_channels() -> None:
    index = Local((3, 6, 6))(2000, 108, 6, seeded())
    counts = (index // 36).flatten().bincount().double()
    assert counts.min() > 0.95 * 4000 and counts.max() < 1.05 * 4000


def test_centres_are_uniform_over_pixels() -> None:
    """With one synapse and hardly any spread the input is the centre, or the next pixel."""
    index = Local((1, 8, 8), 0.0)(20000, 64, 1, seeded())
    counts = index.flatten().bincount(minlength=64).view(8, 8).double()
    inner = counts[2:-2, 2:-2]
    assert float(((inner - inner.mean()) ** 2 / inner.mean()).sum()) < 37.7  # 15 degrees, p=.001


def test_local_wiring_is_for_images_of_its_shape_only() -> None:
    with pytest.raises(ValueError, match=r"\(1, 8, 8\) have 64 values, not 65"):
        Local((1, 8, 8))(3, 65, 4)


def test_a_kind_by_its_name() -> None:
    assert wiring.make_wiring("random", (1, 8, 8), 0.5) is wiring.random
    assert wiring.make_wiring("full", (1, 8, 8), 0.5) is wiring.full
    assert wiring.make_wiring("local", (1, 8, 8), 0.7) == Local((1, 8, 8), 0.7)
