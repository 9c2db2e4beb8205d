"""A dendritic layer, forward and backward, against masked dense layers in plain PyTorch.

    python benchmarks/dendrites_layer.py [--rounds 9] [--calibrate]

The masked layer holds a dense weight and a mask; its somas, which would make it slower still if
they were masked matrices too, are a product and a sum. Both in turn, CPU time on one thread, no
gradient of the inputs. At the corners of the ranges that dendritic nets are searched in ours must
nowhere be slower by more than 5 %.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import measuring
import torch
from measuring import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.layers.dendrites import kernel_choice
from espalier.layers.dendrites.dendritic_layer import DendriteKind, DendriticLayer
from espalier.layers.dendrites.dense_kernel import to_dense
from espalier.layers.dendrites.kernels import Backend

GOAL, NEVER = ">= 2", ">= 0.95"  # times as fast
SLICE = 0.02  # seconds that a layer is repeated for, at least


@dataclass(frozen=True)
class Size:
    """A layer and its batch."""

    samples: int
    inputs: int
    neurons: int
    dendrites: int
    fan_in: int

    def __str__(self) -> str:
        return (
            f"batch {self.samples}, {self.inputs} inputs, {self.neurons} neurons, "
            f"{self.dendrites} dendrites, {self.fan_in} synapses"
        )


WIDE = Size(256, 784, 128, 4, 16)


def corners() -> Iterator[Size]:
    """The ends of the searched ranges, and the sizes in between where F is small."""
    fan_ins = {64: (16, 48, 64), 784: (16, 64, 256), 3072: (16, 96, 256)}
    for samples, inputs in itertools.product((50, 256), fan_ins):
        for neurons, dendrites in ((5, 3), (10, 6), (20, 15)):
            yield from (Size(samples, inputs, neurons, dendrites, i) for i in fan_ins[inputs])


class Masked(nn.Module):
    """The same layer as others write it: a dense weight and a mask that it is multiplied with."""

    def __init__(self, layer: DendriticLayer) -> None:
        """Begins with the same numbers."""
        super().__init__()
        synapses, inputs = layer.synapses, layer.synapses.inputs
        weight = to_dense(synapses.weight.detach(), synapses.index, inputs)
        self.weight, self.bias, self.soma, self.soma_bias = (
            nn.Parameter(t.detach().clone())
            for t in (weight, synapses.bias, layer.weight, layer.bias)
        )
        mask = to_dense(torch.ones_like(synapses.weight), synapses.index, inputs)
        self.register_buffer("mask", mask.detach())

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs) -> (n, neurons)."""
        h = F.leaky_relu(F.linear(x, self.weight * self.mask, self.bias), 0.1)
        u = (h.view(len(h), *self.soma.shape) * self.soma).sum(-1) + self.soma_bias
        return F.leaky_relu(u, 0.1)


class Pair:
    """A layer and its masked twin, ready to be timed."""

    def __init__(self, size: Size, backend: Backend | None = None) -> None:
        self._layer = DendriticLayer(
            size.inputs,
            size.neurons,
            size.dendrites,
            size.fan_in,
            kind=DendriteKind(backend=backend),
        )
        self._twin = Masked(self._layer)
        self._x = torch.randn(size.samples, size.inputs)
        self._pull = torch.randn(size.samples, size.neurons)
        assert torch.allclose(self._layer(self._x), self._twin(self._x), atol=1e-4)
        self._times = max(3, round(SLICE / self._seconds(self.masked, 3)))

    def masked(self) -> None:
        """One pass of the masked layer."""
        self._pass(self._twin)

    def ours(self) -> None:
        """One pass of ours."""
        self._pass(self._layer)

    def _pass(self, layer: nn.Module) -> None:
        torch.autograd.grad(layer(self._x), list(layer.parameters()), self._pull)

    @staticmethod
    def _seconds(work: Callable[[], None], times: int) -> float:
        clock = time.process_time()
        for _ in range(times):
            work()
        return (time.process_time() - clock) / times

    def measure(self, rounds: int) -> tuple[list[float], list[float]]:
        """Seconds of a pass of the masked layer and of ours, in turn."""
        seen: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for into, work in zip(seen, (self.masked, self.ours), strict=True):
                into.append(self._seconds(work, self._times))
        return seen


def wide(rounds: int) -> list[Figure]:
    """The layer that the goal is for."""
    masked, ours = Pair(WIDE).measure(rounds)
    return [
        Figure(f"masked dense: {WIDE}", [1e6 * value for value in masked], "us"),
        Figure(f"ours: {WIDE}", [1e6 * value for value in ours], "us"),
        Figure("ours against masked dense", measuring.ratios(masked, ours), "x", GOAL),
    ]


def everywhere(rounds: int) -> tuple[list[Figure], list[str]]:
    """The least and the middle of all corners' ratios, and a line for each corner."""
    ratios, notes = {}, []
    for size in corners():
        masked, ours = Pair(size).measure(rounds)
        ratios[size] = measuring.ratios(masked, ours)
        weight = torch.empty(size.neurons * size.dendrites, size.fan_in, device="meta")
        way = kernel_choice.choose_backend(torch.empty(size.samples, size.inputs), weight)
        middle = statistics.median(ratios[size])
        notes.append(f"{size}: {middle:.2f} ({way}, {1e6 * statistics.median(ours):.0f} us)")
        measuring.say(notes[-1])
    worst = min(ratios, key=lambda size: statistics.median(ratios[size]))
    medians = [statistics.median(values) for values in ratios.values()]
    return [
        Figure(f"the slowest of {len(ratios)}: {worst}", ratios[worst], "x", NEVER),
        Figure(f"the middle of {len(ratios)}", medians, "x"),
    ], notes


def calibrate(rounds: int) -> None:
    """Both ways at every corner, beside what `choosing` expects: to fit its constants."""
    for size in [WIDE, *corners()]:
        units = size.neurons * size.dendrites
        estimates = kernel_choice.estimate_seconds(size.samples, size.inputs, units, size.fan_in)
        for way, guess in zip(("bag", "scatter"), estimates, strict=True):
            _, ours = Pair(size, way).measure(rounds)
            seen = 1e6 * statistics.median(ours)
            print(f"{size}: {way} {seen:.0f} us, expected {1e6 * guess:.0f} us and what is shared")


def main() -> None:
    parser = measuring.parser(__doc__, rounds=9)
    parser.add_argument("--calibrate", action="store_true", help="only time both ways everywhere")
    args: argparse.Namespace = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if args.calibrate:
        calibrate(args.rounds)
        return
    figures, notes = everywhere(args.rounds)
    measuring.tell(args, [*wide(args.rounds), *figures], notes)


if __name__ == "__main__":
    main()
