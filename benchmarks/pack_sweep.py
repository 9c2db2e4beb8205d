"""A sweep of 32 small trials, whole: one process a trial, Optuna, Ray Tune, warm workers, packs.

    python benchmarks/pack_sweep.py [--rounds 3] [--long 80] [--pack 0] [--only NAME ...]

Wall time from the first command to the last result, start-up included, two trials or two workers
at a time, interleaved; what takes minutes is measured once. Trials are those of pack_sweep-range;
where Espalier does not train them, plain_trial.py does: the same network, epochs, batches and
pruning without any harness.

Steady throughput leaves start-up out: updates of all trials by the time from the first trial's
start to the last one's end, in trials long enough for it to show.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import measuring
import peers
import sweeping
from measuring import Figure, Measure, ratios

from espalier.plan import planning

HERE = Path(__file__).parent
RANGE = HERE / "pack_sweep-range"
WORKERS = 2
POINTS = {"LEARNING_RATE": "lr", "TARGET_SPARSITY": "sparsity", "SEED": "seed"}
PACKS, SOLO = "packs (as it comes)", "warm workers (PACK=1)"
PLAIN, ENGINE = "a process a trial, plain PyTorch", "a process a trial, our engine"
OPTUNA = "Optuna, 2 processes"
RAY, RAY_REUSING = "Ray Tune, 2 CPUs", "Ray Tune, 2 CPUs, actors reused"
GOALS = {PLAIN: ">= 15", RAY: ">= 5"}  # times as long as packs, whole
STEADY_GOAL = ">= 2.5"  # times the updates a second of warm workers


@dataclass
class Contest:
    """The same trials in every way there is; what each way reported, by its name."""

    epochs: int
    peer: Path | None
    pack: int = 0
    sizes: str = ""
    accuracies: dict[str, list[float]] = field(default_factory=dict)

    def ways(self) -> dict[str, Measure]:
        """Wall seconds of the whole sweep, by name."""
        by_name: dict[str, Measure] = {
            PACKS: lambda place: self.espalier(place, PACKS, self.pack),
            SOLO: lambda place: self.espalier(place, SOLO, 1),
            PLAIN: lambda place: self.one_by_one(PLAIN, lambda: self.plain_commands()),
        }
        if self.peer is None:
            return by_name
        return by_name | {
            OPTUNA: lambda place: self.by_peer(place, OPTUNA, "optuna_trials.py"),
            RAY_REUSING: lambda place: self.by_peer(place, RAY_REUSING, "ray_trials.py", "--reuse"),
        }

    def espalier(self, place: Path, name: str, pack: int) -> float:
        swept = sweeping.sweep(place, RANGE, self.also, PARALLEL=WORKERS, PACK=pack)
        if name == PACKS:
            self.sizes = "; ".join([f"trials were in packs of {swept.packs}", *swept.noted])
        self.keep(name, [result.measures for _, result in swept.results()])
        return swept.whole

    def one_by_one(self, name: str, commands: Callable[[], list[list[str]]]) -> float:
        clock = perf_counter()
        with ThreadPoolExecutor(WORKERS) as pool:
            printed = list(pool.map(_printed, commands()))
        self.keep(name, [json.loads(text.splitlines()[-1]) for text in printed])
        return perf_counter() - clock

    def slow_ways(self) -> dict[str, Measure]:
        """Those that take minutes and are measured once."""
        by_name: dict[str, Measure] = {
            ENGINE: lambda place: self.one_by_one(ENGINE, lambda: self.engine_commands(place))
        }
        if self.peer is None:
            return by_name
        return by_name | {RAY: lambda place: self.by_peer(place, RAY, "ray_trials.py")}

    def by_peer(self, place: Path, name: str, program: str, *more: str) -> float:
        points = place / "points.json"
        points.write_text(
            json.dumps([{**point, "epochs": self.epochs} for point in trials()]), encoding="utf-8"
        )
        clock = perf_counter()
        command = [str(self.peer), str(HERE / program), str(points), str(place), *more]
        printed = _printed(command)
        seconds = perf_counter() - clock
        self.keep(name, json.loads(printed.splitlines()[-1]))
        return seconds

    def plain_commands(self) -> list[list[str]]:
        common = [sys.executable, str(HERE / "plain_trial.py"), "--epochs", str(self.epochs)]
        return [
            common + [word for name, value in point.items() for word in (f"--{name}", str(value))]
            for point in trials()
        ]

    def engine_commands(self, place: Path) -> list[list[str]]:
        sweeping.plan(place, RANGE, self.also)
        common = [sys.executable, str(HERE / "engine_trial.py"), str(place / sweeping.CONFIGS)]
        return [[*common, str(number)] for number in range(1, len(trials()) + 1)]

    @property
    def also(self) -> str:
        return f"CONFIG_NUM_EPOCHS={self.epochs}\n"

    def keep(self, name: str, measures: Sequence[measuring.Record]) -> None:
        self.accuracies[name] = [float(record["test_acc"]) for record in measures]

    def notes(self) -> list[str]:
        """That all did the work: trials and mean test accuracy, a line each."""
        return [
            f"{name}: {len(values)} trials run, mean test accuracy {statistics.mean(values):.1f} %"
            for name, values in self.accuracies.items()
        ] + [self.sizes]


def trials() -> list[dict[str, float]]:
    """The points of the range file, as arguments of `plain_trial.train`."""
    planned = planning.plan_from_files([RANGE]).trials
    points = [{POINTS[key]: float(value) for key, value in t.swept.items()} for t in planned]
    return [{**point, "seed": int(point["seed"])} for point in points]


def steady(place: Path, epochs: int, pack: int) -> float:
    """Updates a second of all trials together, start-up left out."""
    also = f"CONFIG_NUM_EPOCHS={epochs}\n"
    swept = sweeping.sweep(place, RANGE, also, PARALLEL=WORKERS, PACK=pack)
    attempts = swept.attempts()
    ends = [attempt.finished for attempt in attempts if attempt.finished is not None]
    updates = sum(int(result.measures["steps"]) for _, result in swept.results())
    return updates / (max(ends) - min(attempt.started for attempt in attempts))


def _printed(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    if done.returncode:
        sys.exit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def figures(seen: dict[str, list[float]], rates: dict[str, list[float]]) -> list[Figure]:
    """Seconds and updates a second of each way, then how they compare with packs."""
    whole = [Figure(f"whole sweep: {name}", values, "s") for name, values in seen.items()]
    against = [
        Figure(f"packs against {name}", ratios(values, seen[PACKS]), "x", GOALS.get(name, ""))
        for name, values in seen.items()
        if name != PACKS
    ]
    speed = [Figure(f"steady: {name}", values, "updates/s") for name, values in rates.items()]
    if not rates:
        return whole + against
    gain = ratios(rates[PACKS], rates[SOLO])
    return whole + speed + against + [Figure(f"steady: against {SOLO}", gain, "x", STEADY_GOAL)]


def main() -> None:
    parser = measuring.parser(__doc__, rounds=3)
    parser.add_argument("--epochs", type=int, default=20, help="of a trial (default: 20)")
    parser.add_argument("--long", type=int, default=80, help="epochs for throughput; 0: leave out")
    parser.add_argument("--pack", type=int, default=0, help="trials in a pack (default: probe)")
    parser.add_argument("--only", nargs="+", default=[], help="parts of the names of the ways")
    args = parser.parse_args()
    contest = Contest(args.epochs, peers.python(), args.pack)
    ways, slow = (
        {name: way for name, way in some.items() if _wanted(name, args)}
        for some in (contest.ways(), contest.slow_ways())
    )
    seen = measuring.interleaved(ways, args.rounds) | measuring.interleaved(slow, 1)
    long: dict[str, Measure] = {
        PACKS: lambda place: steady(place, args.long, args.pack),
        SOLO: lambda place: steady(place, args.long, 1),
    }
    rates = measuring.interleaved(long, args.rounds) if args.long else {}
    peer_note = peers.NOT_MEASURED if contest.peer is None else f"peers: {peers.versions()}"
    measuring.tell(args, figures(seen, rates), [*contest.notes(), peer_note])


def _wanted(name: str, args: argparse.Namespace) -> bool:
    return not args.only or name == PACKS or any(part in name for part in args.only)


if __name__ == "__main__":
    main()
