"""How raw samples become floats: statistics by hand, each sample by itself, all in chunks."""

import pytest
import torch

from espalier.train.data import transforms
from espalier.train.data.transforms import Preparation, channel_statistics

CPU = torch.device("cpu")


def images(samples=20, channels=3, pixels=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (samples, channels, pixels, pixels)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def test_statistics_of_a_channel():
    # channel 0 holds 0, 2, 4, 6: mean 3, deviation sqrt(5); channel 1 is constant
    x = torch.tensor([[[[0.0, 2.0]], [[7.0, 7.0]]], [[[4.0, 6.0]], [[7.0, 7.0]]]])
    mean, std = channel_statistics(x)
    assert mean.flatten().tolist() == [3.0, 7.0]
    assert std.flatten().tolist() == pytest.approx([5**0.5, 1.0])


def test_statistics_of_bytes_are_those_of_the_scaled_floats():
    x = images(100)
    x[:, 1] = 51  # a constant channel
    mean, std = channel_statistics(x)
    assert (mean.shape, float(std[0, 1])) == ((1, 3, 1, 1), 1.0)
    expected = channel_statistics(x.float() / 255)
    assert torch.equal(mean, expected[0]) and torch.equal(std, expected[1])


def test_pixels_are_scaled_normalised_and_resized_in_that_order():
    x = images()
    mean, std = channel_statistics(x)
    expected = torch.nn.functional.interpolate(
        (x.float() / 255 - mean) / std, (12, 12), mode="bilinear", antialias=True
    )
    assert torch.equal(Preparation.of(x, True, 12)(x), expected)
    assert torch.equal(Preparation.of(x, False, None)(x), x.float() / 255)


@pytest.mark.parametrize(("channels", "size"), [(1, 20), (3, 5), (3, 8), (2, None)])
@pytest.mark.parametrize("part", [1, 2, 7])
def test_a_sample_comes_out_the_same_in_any_batch(channels, size, part):
    x = images(channels=channels)
    prepare = Preparation.of(x, True, size)
    assert torch.equal(prepare(x), torch.cat([prepare(few) for few in x.split(part)]))


def test_a_whole_set_is_prepared_in_chunks(monkeypatch):
    monkeypatch.setattr(transforms, "CHUNK", 6)
    x = images()
    prepare = Preparation.of(x, True, 12)
    whole = prepare.prepare_all(x, CPU)
    assert torch.equal(whole, prepare(x))
    assert whole.shape == prepare.shape(x) == (20, 3, 12, 12)
