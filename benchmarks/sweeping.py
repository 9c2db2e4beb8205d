"""Whole sweeps through the command line, as a user runs them, and what their stores say."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import measuring

from espalier.analysis.comparing.sweep_pairs import repeatable
from espalier.core.paths import ROOT
from espalier.core.trial import Record, Result, Status, Trial
from espalier.store.attempt import Attempt
from espalier.store.results_dir import STORE
from espalier.store.store import Store

Name = TypeVar("Name", bound=Hashable)
Value = TypeVar("Value")

CONFIGS, RESULTS = "configs", "results"
VARIABLES = (
    "PACK",
    "PARALLEL",
    "NEW",
    "ALPHA",
    "MARGIN",
    "MAX_SEEDS",
    "REUSE",
    "DIR",
    "RANK_BY",
    "BASELINE",
    "BEST_PER",
    "DETECT",
    "SAMPLER",
    "PRIORITY",
    "MAX_TRIALS",
    "WHERE",
    "JSON",
)  # of the environment, which commands heed


@dataclass(frozen=True)
class Swept:
    """A sweep in its folder: seconds of the plan and of the run, and when the run was started."""

    place: Path
    plan: float
    run: float
    started: float  # seconds since 1970
    said: str  # what the run printed

    @property
    def whole(self) -> float:
        """Wall time from nothing planned to the report."""
        return self.plan + self.run

    @property
    def start_up(self) -> float:
        """Seconds from the start of the run to the first trial's, a probe for packs included."""
        return min(attempt.started for attempt in self.attempts()) - self.started

    @property
    def noted(self) -> list[str]:
        """What the run thought worth a note."""
        return [line for line in self.said.splitlines() if line.startswith("note: ")]

    @property
    def packs(self) -> str:
        """How large the packs were: `16 x 32`: 32 trials in packs of 16."""
        sizes = Counter(_size(result) for _, result in self.results())
        return ", ".join(f"{size} x {trials}" for size, trials in sorted(sizes.items()))

    def attempts(self) -> list[Attempt]:
        """Every attempt at every trial."""
        return attempts(self.place)

    def results(self) -> list[tuple[Trial, Result]]:
        """Every trial with its result."""
        return results(self.place)

    def outcomes(self) -> dict[str, Record]:
        """What is the same every time a trial is run, by the trial's id."""
        return outcomes(self.place)


def sweep(place: Path, range_file: Path | str, also: str = "", **variables: object) -> Swept:
    """Plan and run a sweep in `place`; `also` is one more range file's text, which wins.

    `variables` are those of make (PACK=1, PARALLEL=2). Ends the program if either command fails.
    """
    planned = plan(place, range_file, also)
    started, clock = time.time(), time.perf_counter()
    done = start(place, variables, capture=True)
    said, _ = done.communicate()
    if done.returncode:
        sys.exit(said)
    return Swept(place, planned, time.perf_counter() - clock, started, said)


def whole(place: Path, range_file: Path | str) -> Swept:
    """Plan and run a sweep in `place` by one command, as `make sweep` does."""
    started, clock = time.time(), time.perf_counter()
    words = ["sweep", str(range_file), "--output-dir", str(place / RESULTS)]
    done = subprocess.run(
        _command(*words), cwd=place, env=_fresh(place), capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return Swept(place, 0.0, time.perf_counter() - clock, started, done.stdout)


def _fresh(place: Path) -> dict[str, str]:
    """Return the environment of a machine on which nothing is known from earlier sweeps."""
    return {**calm_environment(), "XDG_CACHE_HOME": str(place / "cache")}


def calm_environment() -> dict[str, str]:
    """Return the environment without the variables that commands heed."""
    return {key: value for key, value in os.environ.items() if key not in VARIABLES}


def once(place: Path, range_file: Path | str, also: str = "") -> Path:
    """The same, unless there is a sweep in `place` already, which is made if it is not there."""
    place.mkdir(parents=True, exist_ok=True)
    if not attempts(place):
        sweep(place, range_file, also)
    return place


def plan(place: Path, range_file: Path | str, also: str = "") -> float:
    """Wall seconds of `sweep-generate` into `place`."""
    (place / "also-range").write_text(also, encoding="utf-8")
    files = [str(range_file), *([str(place / "also-range")] if also else [])]
    clock = time.perf_counter()
    arguments = ["sweep-generate", *files, "--output-dir", str(place / CONFIGS)]
    done = subprocess.run(_command(*arguments), cwd=ROOT, capture_output=True, encoding="utf-8")
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - clock


def start(
    place: Path, variables: dict[str, object], *more: str, capture: bool = False
) -> subprocess.Popen[str]:
    """`sweep-run` of the plan in `place`, in a process group of its own."""
    folders = ("--config-dir", str(place / CONFIGS), "--output-dir", str(place / RESULTS))
    return subprocess.Popen(
        _command("sweep-run", *folders, *more),
        cwd=ROOT,
        env=_fresh(place) | {key: str(value) for key, value in variables.items()},
        stdout=subprocess.PIPE if capture else subprocess.DEVNULL,
        stderr=subprocess.STDOUT if capture else None,
        encoding="utf-8",
        start_new_session=True,
    )


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "espalier", *arguments]


def each(
    kept: Path, names: Iterable[str], run: Callable[[Path, str], object]
) -> Iterator[tuple[str, Path]]:
    """Yield each name with its folder in `kept`; `run` makes the sweep unless it is there."""
    for name in names:
        place = kept / name
        place.mkdir(parents=True, exist_ok=True)
        if not attempts(place):
            run(place, name)
        measuring.say(f"{name}: {len(results(place))} trials")
        yield name, place


def attempts(place: Path) -> list[Attempt]:
    """Every attempt so far; none before there is a store."""
    if not (place / RESULTS / STORE).exists():
        return []
    with Store.open(place / RESULTS / STORE, readonly=True) as store:
        return store.attempts()


def results(place: Path) -> list[tuple[Trial, Result]]:
    """Every trial with its result so far."""
    with Store.open(place / RESULTS / STORE, readonly=True) as store:
        return [(trial, result) for trial, result, _ in store.final_results()]


def arms(place: Path, named: Callable[[Trial], Name]) -> dict[Name, dict[str, Result]]:
    """What the seeds of each arm came to; trials that did not pass are printed, and left out."""
    by_arm: dict[Name, dict[str, Result]] = defaultdict(dict)
    for trial, result in results(place):
        if result.status is Status.PASSED:
            by_arm[named(trial)][trial.config["SEED"]] = result
        else:
            measuring.say(f"{place.name}: {trial.name} {result.status}: {result.message}")
    return by_arm


def pairs(arm: Mapping[str, Value], other: Mapping[str, Value]) -> list[tuple[Value, Value]]:
    """What two arms came to, by seed, where both have come to something."""
    return [(arm[seed], other[seed]) for seed in arm if seed in other]


def apart(
    read: Callable[[Value], float], arm: Mapping[str, Value], other: Mapping[str, Value]
) -> list[float]:
    """By how much a number is larger in the one arm than in the other, seed by seed."""
    return [read(ours) - read(theirs) for ours, theirs in pairs(arm, other)]


def test_accuracy(result: Result) -> float:
    """In the end, in percent."""
    return float(result.measures["test_acc"])


def outcomes(place: Path) -> dict[str, Record]:
    """What is the same every time a trial is run, by the trial's id."""
    return {trial.id: repeatable(result) for trial, result in results(place)}


def _size(result: Result) -> int:
    return result.provenance.pack_size
