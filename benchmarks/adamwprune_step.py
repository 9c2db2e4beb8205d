"""Cost of AdamWPrune's step on ResNet-18 against torch's AdamW(fused=True).

Run: python benchmarks/adamwprune_step.py

Both step the same 11.17M parameters in turn, on one CPU thread, with gradients of their own.
AdamWPrune masks at every step and re-ranks all weights at each of the 196 mask updates of the
sweep guide's ramp (epoch 20 to 70 of 391 steps, every 100 steps). So that the whole ramp is
measured, only a few steps lie between two updates here; the mean over 100 steps is worked out.
Times are CPU milliseconds of this process, medians. A full training step (batch of 128 CIFAR
images) puts them in proportion.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable

import measuring
import torch
from measuring import Figure
from torch import nn
from torch.nn import functional as F

from espalier.core.samples import SampleShape
from espalier.models.resnet18 import ResNet18
from espalier.optimizers.adamwprune import AdamWPrune

EVERY = 100  # steps between mask updates in training
MEASURED = 4  # steps between mask updates here
UPDATES = 196  # in the whole ramp
BATCH = 128  # samples


def milliseconds(work: Callable[[], object]) -> float:
    """CPU time of this process in `work`."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def with_gradients(model: nn.Module) -> nn.Module:
    """`model` with a small random gradient on every parameter."""
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter) * 1e-3
    return model


def steps(model: nn.Module) -> dict[str, list[float]]:
    """Times of single steps: torch's, ours without and with a mask update."""
    ours_model, base_model = with_gradients(copy.deepcopy(model)), with_gradients(model)
    base = torch.optim.AdamW(base_model.parameters(), fused=True)
    ours = AdamWPrune(
        ours_model,
        amsgrad=False,
        target_sparsity=0.7,
        warmup_steps=0,
        ramp_end_step=UPDATES * MEASURED,
        frequency=MEASURED,
    )
    assert ours.pruner is not None
    times: dict[str, list[float]] = {"AdamW": [], "masked step": [], "step with re-mask": []}
    for step in range(1, UPDATES * MEASURED + 1):
        torch_time, our_time = milliseconds(base.step), milliseconds(ours.step)
        if step > MEASURED:  # the first update allocates, and nothing is pruned before it
            kind = "step with re-mask" if ours.pruner.schedule.is_update(step) else "masked step"
            times["AdamW"].append(torch_time)
            times[kind].append(our_time)
    ours.pruner.masks.assert_masked(ours)
    return times


def training_step(model: nn.Module) -> float:
    """CPU time of forward and backward pass, the smaller of two."""
    x, y = torch.randn(BATCH, 3, 32, 32), torch.randint(10, (BATCH,))
    return min(milliseconds(lambda: F.cross_entropy(model(x), y).backward()) for _ in range(2))


def main() -> None:
    """Print the comparison."""
    args = measuring.parser(__doc__).parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = ResNet18().build(SampleShape(3, 32, 32, 10))
    times = steps(copy.deepcopy(model))
    passes = training_step(model)
    base, plain, update = (statistics.median(values) for values in times.values())
    mean = ((EVERY - 1) * plain + update) / EVERY
    whole = [Figure(f"{name}, CPU time", values, "ms") for name, values in times.items()]
    derived = {
        "re-mask alone, in steps of AdamW": ((update - plain) / base, "x"),
        f"mean of {EVERY} steps against AdamW": (mean / base, "x"),
        "forward and backward, CPU time": (passes, "ms"),
        "added to a training step of AdamW": (100 * (mean - base) / (passes + base), "%"),
    }
    figures = whole + [Figure(name, [value], unit) for name, (value, unit) in derived.items()]
    size = sum(p.numel() for p in model.parameters())
    measuring.tell(args, figures, [f"{size:,} parameters, 1 thread; the last 4 from the medians"])


if __name__ == "__main__":
    main()
