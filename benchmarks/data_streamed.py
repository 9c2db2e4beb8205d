"""Time of a batch: samples held as floats against samples that are streamed, interleaved.

Run: python benchmarks/data_streamed.py [--rounds 5]

What is held is what fits; the same images are streamed by a limit of no memory at all. An epoch
counts with the start and the end of its processes. With a network, forward and backward included,
wall time shows how much of the preparation happens beside the training. CPU time is that of all
processes: what a sweep that keeps every core busy pays.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import measuring
import torch
from measuring import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.core.samples import Split
from espalier.train.data.device_residency import ResidencyPlan
from espalier.train.data.transforms import Preparation

BATCH = 128  # samples
SIZES = {"32x32x3": (8192, None), "32x32x3 as 224x224x3": (1280, 224)}  # samples, pixels a side
KEPT = {
    "held": (10**6, 0),
    "streamed, 0 processes": (0.001, 0),
    "streamed, 2 processes": (0.001, 2),
}
Use = Callable[[Tensor, Tensor], None]


def split_of(samples: int, pixels: int | None, limit: float, workers: int) -> Split:
    """Random bytes as colour images of 32x32 pixels."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(256, (samples, 3, 32, 32), generator=generator, dtype=torch.uint8)
    raw = Split(x, torch.arange(samples) % 10)
    prepare = Preparation.of(x, True, pixels)
    return ResidencyPlan(limit, workers).place([raw], prepare, torch.device("cpu"))[0]  # type: ignore[arg-type]


def trained() -> Use:
    """Forward and backward of a small convolutional network for any size of image."""
    net = nn.Sequential(
        nn.Conv2d(3, 16, 7, stride=4),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )

    def use(x: Tensor, y: Tensor) -> None:
        net.zero_grad()
        F.cross_entropy(net(x), y).backward()

    return use


def milliseconds(split: Split, use: Use) -> tuple[float, float]:
    """Wall and CPU time of one epoch, per batch."""
    order = torch.randperm(len(split))[None]
    start, spent = time.perf_counter(), _cpu()
    for x, y in split.batches(order, BATCH):
        use(x, y)
    steps = len(split) / BATCH / 1000
    return (time.perf_counter() - start) / steps, (_cpu() - spent) / steps


def _cpu() -> float:
    """Seconds of this process and of those it started that have ended."""
    return sum(os.times()[:4])


def figures(size: str, rounds: int) -> Iterator[Figure]:
    """All ways to keep one size of image, by themselves and with a network."""
    samples, pixels = SIZES[size]
    splits = {name: split_of(samples, pixels, *how) for name, how in KEPT.items()}
    uses: dict[str, Use] = {"": lambda x, y: None, ", with a network": trained()}
    times: dict[str, list[tuple[float, float]]] = {n + use: [] for use in uses for n in splits}
    for _ in range(rounds + 1):
        for use, function in uses.items():
            for name, split in splits.items():
                times[name + use].append(milliseconds(split, function))
    for name, values in times.items():
        wall, cpu = zip(*values[1:], strict=True)
        yield Figure(f"{size}: {name}", wall, "ms a batch")
        yield Figure(f"{size}: {name}", cpu, "CPU-ms a batch")


def main() -> None:
    args = measuring.parser(__doc__, rounds=5).parse_args()
    torch.set_num_threads(1)
    made = [figure for size in SIZES for figure in figures(size, args.rounds)]
    measuring.tell(args, made, [f"batches of {BATCH}, 1 thread a process"])


if __name__ == "__main__":
    main()
