"""Updates of packs of the digits MLP as a share of what a core can multiply, in the same minutes.

    python benchmarks/pack_peak.py [--rounds 5] [--pack 16] [--epochs 20]

One process with one thread, in the environment of a worker. A round multiplies two matrices of
1024 x 1024 (the peak) and copies 256 MiB (the memory's rate), then trains packs and a trial alone:
every epoch but the first, with its validation, its masks and whatever else belongs to it. Between
them are two limits that no program over the same kernels can pass: a pack's products by themselves,
and the fused update with them. The last figure is what an update moves if no cache holds a pack:
weights read in both passes, gradients written, and weights, gradients and moments in the update. An
update's work is what its matrix products take and no more: forward, the gradients of the weights,
and those of the inputs of all layers but the first. The time is the processor's, so that what else
runs on the machine counts only as far as it takes caches and memory away.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import measuring
import torch
from measuring import Figure
from torch.utils.flop_counter import FlopCounterMode

from espalier.core.trial import Task
from espalier.optimizers.lean import fused
from espalier.plan import planning
from espalier.run.workers import worker_environment
from espalier.train.engine.device import make_deterministic
from espalier.train.engine.single_program import SingleProgram
from espalier.train.engine.trainer import Trainer
from espalier.train.loop import Loop
from espalier.train.worker_entry import prepare

SIDE = 1024
COPIED = 2**26  # numbers of 4 bytes
TAKES = 5  # of the peak and the copy, of which the fastest counts
REPEATS = 20  # of a pack's kernels in a take
LEAST_EPOCHS = 20  # of a trial that is not trained
MOVED = 10  # numbers an update moves for each parameter: 6 read and 4 written
GOAL = ">= 0.4"
RANGES = {
    "method none": "CONFIG_OPTIMIZER=adamw\nCONFIG_PRUNING_METHOD=none\n",
    "state pruning": (
        "CONFIG_OPTIMIZER=adamwprune\nCONFIG_PRUNING_METHOD=state\nCONFIG_TARGET_SPARSITY=0.5|0.8\n"
    ),
}
COMMON = "CONFIG_MODEL=mlp\nCONFIG_DATASET=digits\nCONFIG_LEARNING_RATE=0.0005|0.001|0.002|0.004\n"


def trainers(method: str, trials: int, epochs: int) -> list[Trainer]:
    """So many trials that differ in rates, sparsities and seeds."""
    lengths = f"CONFIG_NUM_EPOCHS={epochs}\nCONFIG_SEED=1:1:{trials}\n"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "range"
        file.write_text(COMMON + RANGES[method] + lengths, encoding="utf-8")
        plan = planning.plan_from_files([file])
        every = plan.trials[:: len(plan.trials) // trials][:trials]  # of each value some
        return [prepare(Task.single(t, plan.settings, Path(folder)))[0] for t in every]


def work(trainer: Trainer) -> float:
    """Operations of an average update: two for each product of two numbers."""
    run = trainer.run
    program = SingleProgram(trainer)
    samples = 2 * run.batch_size
    with FlopCounterMode(display=False) as counter:
        program.backward(run.train.x[:samples], run.train.y[:samples])
    return counter.get_total_flops() / samples * len(run.train) / run.steps_per_epoch


def updates(method: str, trials: int, epochs: int) -> float:
    """Updates a second of all trials together, from the second epoch on."""
    made = trainers(method, trials, epochs)
    outcomes = Loop(made).epochs()
    for _ in range(trials):
        next(outcomes)
    clock = time.thread_time()
    done = sum(1 for _ in outcomes)
    return done * made[0].run.steps_per_epoch / (time.thread_time() - clock)


class Kernels:
    """The products of an update of so many trials and the fused update, with nothing around."""

    def __init__(self, trials: int) -> None:
        run = trainers("method none", 1, LEAST_EPOCHS)[0].run
        every = [p.detach().repeat(trials, *[1] * p.ndim) for p in run.model.parameters()]
        self.trials, self.bytes = trials, 4 * sum(p[0].numel() for p in every)
        parts = [every, *([torch.full_like(p, 1e-3) for p in every] for _ in range(3))]
        self._state = [list(chain.from_iterable(part)) for part in parts]
        self._steps = [torch.ones(())] * len(self._state[0])
        self._weights, self._gradients = ([t for t in part if t.ndim == 3] for part in parts[:2])
        sizes = [self._weights[0].shape[2], *(w.shape[1] for w in self._weights)]
        self._rows = [torch.rand(trials, run.batch_size, size) for size in sizes]

    def multiply(self) -> None:
        """Do the products of an update of every trial."""
        for weight, rows in zip(self._weights, self._rows[:-1], strict=True):
            torch.bmm(rows, weight.transpose(1, 2))
        for i, weight in reversed(list(enumerate(self._weights))):
            after = self._rows[i + 1]
            torch.bmm(after.transpose(1, 2), self._rows[i], out=self._gradients[i])
            if i:
                torch.bmm(after, weight)

    def update(self) -> None:
        """Do the products, and step every trial."""
        self.multiply()
        settings = (1e-3, (0.9, 0.999), 0.01, 1e-8, False, False)
        fused(torch._fused_adamw_, (*self._state, [], self._steps), settings, {})

    def rate(self, act: Callable[[], object]) -> float:
        """Return the updates a second that `act` allows: of all trials together."""
        return REPEATS * self.trials / fastest(lambda: [act() for _ in range(REPEATS)])


def fastest(act: Callable[[], object]) -> float:
    """The least seconds of some takes."""
    act()
    return min(_seconds(act) for _ in range(TAKES))


def _seconds(act: Callable[[], object]) -> float:
    clock = time.thread_time()
    act()
    return time.thread_time() - clock


def peak() -> float:
    """Operations a second of a large product."""
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    out = torch.empty(SIDE, SIDE)
    return 2 * SIDE**3 / fastest(lambda: torch.mm(a, b, out=out))


def bandwidth() -> float:
    """Bytes a second read and written by a copy that no cache holds."""
    source, target = torch.ones(COPIED), torch.zeros(COPIED)
    return 2 * 4 * COPIED / fastest(lambda: target.copy_(source))


def main() -> None:
    parser = measuring.parser(__doc__, rounds=5)
    parser.add_argument("--pack", type=int, default=16, help="trials of a pack (default: 16)")
    parser.add_argument("--epochs", type=int, default=20, help="of a trial (default: 20)")
    args = parser.parse_args()
    environment = worker_environment.environment("cpu")
    if any(os.environ.get(name) != value for name, value in environment.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)
    make_deterministic(1)
    cost = work(trainers("method none", 1, args.epochs)[0])
    sizes = {f"packs of {args.pack}": args.pack, "alone": 1}
    kernels = Kernels(args.pack)
    candidates: dict[str, measuring.Measure] = {
        "peak": lambda _: peak(),
        "copy": lambda _: bandwidth(),
        f"products of packs of {args.pack}": lambda _: kernels.rate(kernels.multiply),
        f"products and update of packs of {args.pack}": lambda _: kernels.rate(kernels.update),
    }
    for method in RANGES:
        for how, trials in sizes.items():
            candidates[f"{method}, {how}"] = lambda _, m=method, k=trials: updates(  # type: ignore[misc]
                m, k, args.epochs
            )
    seen = measuring.interleaved(candidates, args.rounds)
    moved = MOVED * kernels.bytes
    notes = [f"an update is {cost / 1e6:.2f} MFLOP and moves {moved / 1e6:.2f} MB"]
    measuring.tell(args, [*figures(seen, cost), waiting(seen["copy"], moved)], notes)


def waiting(rates: list[float], moved: float) -> Figure:
    """The time that memory takes for an update, at its rate of a copy."""
    return Figure("memory: an update, if no cache helps", [moved / v * 1e6 for v in rates], "us")


def figures(seen: dict[str, list[float]], cost: float) -> list[Figure]:
    """The machine's rates, then updates a second and their share of the peak."""
    made = [
        Figure(f"peak: product of {SIDE} x {SIDE}", [v / 1e9 for v in seen["peak"]], "GFLOP/s"),
        Figure("memory: a copy, read and written", [v / 1e9 for v in seen["copy"]], "GB/s"),
    ]
    for name, rates in list(seen.items())[2:]:
        share = [cost * rate / peak for rate, peak in zip(rates, seen["peak"], strict=True)]
        method, _, how = name.partition(", ")
        goal = GOAL if method in RANGES and how != "alone" else ""
        made.append(Figure(name, rates, "updates/s"))
        made.append(Figure(f"{name}: share of the peak", share, "", goal))
    return made


if __name__ == "__main__":
    main()
