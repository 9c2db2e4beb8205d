"""Updates of packs of the digits MLP as a share of what a core can multiply, in the same minutes.

    python benchmarks/pack_peak.py [--rounds 5] [--pack 16] [--epochs 20]

One process with one thread, in the environment of a worker. A round multiplies two matrices of
1024 x 1024 (the peak) and copies 256 MiB (the memory's rate), then trains packs and a trial alone:
every epoch but the first, with its validation, its masks and whatever else belongs to it. An
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
from pathlib import Path

import measuring
import torch
from measuring import Figure
from torch.utils.flop_counter import FlopCounterMode

from espalier.core.trial import Task
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
    candidates: dict[str, measuring.Measure] = {
        "peak": lambda _: peak(),
        "copy": lambda _: bandwidth(),
    }
    for method in RANGES:
        for how, trials in sizes.items():
            candidates[f"{method}, {how}"] = lambda _, m=method, k=trials: updates(  # type: ignore[misc]
                m, k, args.epochs
            )
    seen = measuring.interleaved(candidates, args.rounds)
    measuring.tell(args, figures(seen, cost), [f"an update is {cost / 1e6:.2f} MFLOP"])


def figures(seen: dict[str, list[float]], cost: float) -> list[Figure]:
    """The machine's rates, then updates a second and their share of the peak."""
    made = [
        Figure(f"peak: product of {SIDE} x {SIDE}", [v / 1e9 for v in seen["peak"]], "GFLOP/s"),
        Figure("memory: a copy, read and written", [v / 1e9 for v in seen["copy"]], "GB/s"),
    ]
    for name, rates in list(seen.items())[2:]:
        share = [cost * rate / peak for rate, peak in zip(rates, seen["peak"], strict=True)]
        goal = "" if name.endswith("alone") else GOAL
        made.append(Figure(name, rates, "updates/s"))
        made.append(Figure(f"{name}: share of the peak", share, "", goal))
    return made


if __name__ == "__main__":
    main()
