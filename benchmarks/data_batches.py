"""Milliseconds a batch: samples held in memory against torch's DataLoader, interleaved, medians.

Run: python benchmarks/data_batches.py [--rounds 11]

The DataLoader is given its best case, a TensorDataset that is in memory already and needs no
decoding; each round times one epoch of every source, so that they share the machine's moods.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import measuring
import torch
from measuring import Figure
from torch.utils.data import DataLoader, TensorDataset

from espalier.core.contracts import Method, Run
from espalier.core.samples import Split, steps_in
from espalier.train.data.augment import Augmentation
from espalier.train.data.splits import batches

BATCH = 128  # samples
SIZES = {"8x8x1": (1226, 1, 8, 8), "28x28x1": (4096, 1, 28, 28), "32x32x3": (4096, 3, 32, 32)}
Source = Callable[[], Iterable[object]]


def sources(split: Split) -> dict[str, Source]:
    """Ways to walk once through `split` in random order, by name."""
    plain = _run(split, Augmentation())
    both = _run(split, Augmentation(flip=True, crop_padding=min(4, split.x.shape[2] // 4)))
    here, workers = _loader(split, 0), _loader(split, 2)
    return {
        "in memory": lambda: batches([plain]),
        "in memory, flip and crop": lambda: batches([both]),
        "DataLoader, 0 workers": lambda: here,
        "DataLoader, 2 workers": lambda: workers,
    }


def _run(split: Split, augmentation: Augmentation) -> Run:
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters())
    generators = {name: torch.Generator().manual_seed(0) for name in ("batches", "augment")}
    return Run(
        model,
        optimizer,
        Method(),
        split,
        split,
        1,
        BATCH,
        generators,
        augmentation=augmentation,
    )


def _loader(split: Split, workers: int) -> DataLoader[object]:
    return DataLoader(
        TensorDataset(split.x, split.y),
        BATCH,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def milliseconds(source: Source, steps: int) -> float:
    """Wall time of one epoch, per batch."""
    start = time.perf_counter()
    for _ in source():
        pass
    return 1000 * (time.perf_counter() - start) / steps


def measure(shape: tuple[int, int, int, int], rounds: int) -> dict[str, list[float]]:
    """Milliseconds a batch of every source, round by round, after one that is not counted."""
    split = Split(torch.randn(shape), torch.randint(10, shape[:1]))
    steps = steps_in(len(split), BATCH)
    candidates = sources(split)
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds + 1):
        for name, source in candidates.items():
            times[name].append(milliseconds(source, steps))
    return {name: values[1:] for name, values in times.items()}


def main() -> None:
    args = measuring.parser(__doc__, rounds=11).parse_args()
    torch.set_num_threads(1)
    figures = [
        Figure(f"{size}: {name}", values, "ms a batch")
        for size, shape in SIZES.items()
        for name, values in measure(shape, args.rounds).items()
    ]
    measuring.tell(args, figures, [f"batches of {BATCH}, 1 thread"])


if __name__ == "__main__":
    main()
