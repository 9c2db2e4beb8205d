"""Augmentation: equal to a loop over samples, drawn from its own generator, off when off."""

import pytest
import torch
from torch.nn import functional as F

from espalier.train.data.augment import Augmentation


def one_by_one(x, padding, flip, seed):
    """The same changes applied to one sample after the other."""
    generator = torch.Generator().manual_seed(seed)
    n, _, height, width = x.shape
    rows = columns = torch.zeros(n, 1, dtype=torch.int64)
    if padding:
        rows = torch.randint(2 * padding + 1, (n, 1), generator=generator)
        columns = torch.randint(2 * padding + 1, (n, 1), generator=generator)
    mirrored = torch.randint(2, (n, 1), generator=generator) if flip else torch.zeros(n, 1)
    out = []
    for i, image in enumerate(x):
        top, left = int(rows[i]), int(columns[i])
        image = F.pad(image, [padding] * 4)[:, top : top + height, left : left + width]
        out.append(image.flip(2) if mirrored[i] else image)
    return torch.stack(out)


@pytest.mark.parametrize("padding", [0, 1, 4])
@pytest.mark.parametrize("flip", [False, True])
def test_the_batch_is_changed_as_its_samples_would_be(padding, flip):
    x = torch.randn(50, 3, 6, 5)
    changed = Augmentation(flip, padding).apply(x, torch.Generator().manual_seed(3))
    assert torch.equal(changed, one_by_one(x, padding, flip, seed=3))


def test_flips_are_every_second_image_on_average():
    x = torch.arange(2.0).expand(4000, 1, 1, 2)
    changed = Augmentation(flip=True).apply(x, torch.Generator().manual_seed(0))
    assert 0.45 < float(changed[:, 0, 0, 0].mean()) < 0.55


def test_crops_reach_every_offset_and_none_beyond():
    x = torch.zeros(2000, 1, 5, 5)
    x[:, :, 2, 2] = 1  # the only bright pixel shows how far the image moved
    changed = Augmentation(crop_padding=2).apply(x, torch.Generator().manual_seed(0))
    assert bool((changed.sum((1, 2, 3)) == 1).all())
    assert bool((changed.sum((0, 1)) > 0).all())


def test_nothing_is_drawn_when_all_is_off():
    x, generator = torch.randn(4, 1, 3, 3), torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert Augmentation().apply(x, generator) is x
    assert torch.equal(before, generator.get_state())


def test_the_batch_itself_is_left_alone():
    x = torch.randn(8, 1, 4, 4)
    before = x.clone()
    Augmentation(flip=True, crop_padding=1).apply(x, torch.Generator().manual_seed(0))
    assert torch.equal(x, before)
