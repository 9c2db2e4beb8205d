"""A small set of images, held in memory or streamed."""

from __future__ import annotations

import torch

from espalier.core.samples import Split
from espalier.train.data.device_residency import ResidencyPlan
from espalier.train.data.transforms import Preparation

CPU = torch.device("cpu")

SAMPLES, PIXELS = 701, 20  # 701 in batches of 100: the last has 101

MB = 701 * 3 * 20 * 20 * 4 / 10**6  # 3.4


def raw(samples=SAMPLES, kind=torch.uint8):
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(256, (samples, 3, 8, 8), generator=generator, dtype=torch.uint8)
    return Split(x.to(kind), torch.arange(samples))


def kept(limit, workers=0, kind=torch.uint8):
    splits = [raw(kind=kind)]
    prepare = Preparation.of(splits[0].x, True, PIXELS)
    return ResidencyPlan(limit, workers).place(splits, prepare, CPU)[0]
