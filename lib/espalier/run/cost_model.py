"""A cost model of sweeps, from the times of trials that ran: never from a constant.

A trial's cost is taken from the measured trial that is most like it; what one of a pack took is
its share of the pack's time. Symbols that hold a float (rates, decays, shares) and the seed do not
change how long an epoch takes; the number of epochs changes it in proportion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from espalier.core.component import KINDS
from espalier.core.trial import Result, Status, Trial
from espalier.kconfig.symbols import CHOICE, Symbols
from espalier.run.devices import CPU, each
from espalier.store.results_dir import STORE, skip_unusable, sweeps
from espalier.store.store import TAKEN_OVER, Store, count_per_task

EPOCHS = "NUM_EPOCHS"
WEIGHTS = {
    KINDS["model"][1]: 1000,
    KINDS["dataset"][1]: 1000,
    "BATCH_SIZE": 100,
    "TRAIN_SUBSET": 100,
    "DEVICES_PER_TRIAL": 100,
}
"""How much a difference tells: another model says next to nothing, another warm-up nearly all."""
CHOICE_WEIGHT = 10
ALIKE = 10
"""Below this distance a measured trial speaks for another: no choice differs."""

SWEEPS = 20
SHAPES = 100
"""How far back earlier results are looked through."""

Shape = dict[str, str]
Key = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Cost:
    """What one trial of a shape took. Times are seconds, sizes bytes."""

    shape: Mapping[str, str]
    startup: float
    epoch: float
    size: float
    size_epoch: float
    source: str

    def seconds(self, trial: Trial) -> float:
        """Return the seconds that `trial` takes if it is like this one."""
        return self.startup + self.epoch * int(trial.config[EPOCHS])

    def bytes(self, trial: Trial) -> float:
        """Return the bytes that the results of `trial` take."""
        return self.size + self.size_epoch * int(trial.config[EPOCHS])


@dataclass(frozen=True)
class Estimate:
    """A sweep's cost: `compute` is the sum over trials, `wall` the time by the clock, seconds."""

    compute: float
    wall: float
    shortest: float
    longest: float
    size: float  # bytes
    sources: dict[str, int]  # where costs come from -> trials they stand for
    unlike: int  # trials for which nothing much like them was measured


def shape(symbols: Symbols, config: Mapping[str, str]) -> Shape:
    """Return the part of a configuration that can change how long an epoch takes."""
    free = ("SEED", EPOCHS)
    return {n: v for n, v in config.items() if n not in free and _kind(symbols, n) != "float"}


def distance(symbols: Symbols, measured: Mapping[str, str], other: Mapping[str, str]) -> int:
    """Return how little a `measured` shape says of the shape `other`; 0: it says everything."""
    names = {name for name, _ in measured.items() ^ other.items()}
    return sum(_weight(symbols, name) for name in names)


def unlike(
    symbols: Symbols, trials: Sequence[Trial], costs: Iterable[Cost], limit: int
) -> list[Trial]:
    """Return at most `limit` trials to measure, so that few are left unlike every measured shape.

    Each is the one farthest from all that is measured and chosen; the first, if nothing is.
    """
    shapes = _distinct(symbols, trials)
    covered = [cost.shape for cost in costs]
    chosen: list[Trial] = []
    while len(chosen) < limit:
        away = [min((distance(symbols, s, c) for c in covered), default=1000) for _, s in shapes]
        if max(away, default=0) < ALIKE:
            break
        trial, farthest = shapes[away.index(max(away))]
        chosen.append(trial)
        covered.append(farthest)
    return chosen


def total(
    symbols: Symbols, trials: Sequence[Trial], costs: Sequence[Cost], workers: int
) -> Estimate:
    """Estimate the cost of all trials by the nearest of `costs`, of which there is at least one."""
    seconds, size, unlike_count = [], 0.0, 0
    sources: dict[str, int] = {}
    nearest: dict[Key, tuple[int, Cost]] = {}
    for trial in trials:
        own = shape(symbols, trial.config)
        key = _key(own)
        if key not in nearest:
            away = [distance(symbols, own, cost.shape) for cost in costs]
            nearest[key] = min(away), costs[away.index(min(away))]
        far, cost = nearest[key]
        seconds.append(cost.seconds(trial))
        size += cost.bytes(trial)
        sources[cost.source] = sources.get(cost.source, 0) + 1
        unlike_count += far >= ALIKE
    wall = max(sum(seconds) / workers, max(seconds))
    return Estimate(sum(seconds), wall, min(seconds), max(seconds), size, sources, unlike_count)


def from_results(symbols: Symbols, results: Path, device: str) -> list[Cost]:
    """Return the costs of trials that passed earlier on this kind of device, newest first.

    One a shape, the newest sweep's median; at most SHAPES of them.
    """
    by_shape: dict[Key, list[Cost]] = {}
    for folder in sweeps(results)[:SWEEPS]:
        costs: list[Cost] = []
        with skip_unusable():
            costs = list(_of_sweep(symbols, folder, device))
        for cost in costs:
            same = by_shape.setdefault(_key(cost.shape), [])
            if not same or same[0].source == cost.source:
                same.append(cost)
    return [_median(same) for same in list(by_shape.values())[:SHAPES]]


def warming(results: Path) -> float:
    """Return the seconds from the start of a sweep to its first trial, the least of recent ones.

    The least, because a sweep may have been stopped and gone on with in between; 0 if unknown.
    """
    gaps: list[float] = []
    for folder in sweeps(results)[:SWEEPS]:
        with skip_unusable(), Store.open(folder / STORE, readonly=True) as store:
            own = [attempt for attempt in store.attempts() if attempt.round != TAKEN_OVER]
            starts = [attempt.started for attempt in own]
            gaps += [min(starts) - store.created] if starts else []
    return max(0.0, min(gaps, default=0.0))


def _median(costs: Sequence[Cost]) -> Cost:
    return replace(
        costs[0],
        startup=median(cost.startup for cost in costs),
        epoch=median(cost.epoch for cost in costs),
        size_epoch=median(cost.size_epoch for cost in costs),
    )


def _of_sweep(symbols: Symbols, folder: Path, device: str) -> Iterator[Cost]:
    with Store.open(folder / STORE, readonly=True) as store:
        results, directories = store.final_results(), store.directories()
        attempts = [attempt for attempt in store.attempts() if attempt.round != TAKEN_OVER]
        ended = {a.trial: a for a in attempts if a.conclusive and a.finished is not None}
        together = count_per_task(attempts)
    share = (folder / STORE).stat().st_size / max(1, len(results))
    for trial, result, _ in results:
        attempt = ended.get(trial.number)
        if (
            attempt is None
            or not _tells(trial, result)
            or _is_cpu(attempt.device) != _is_cpu(device)
        ):
            continue
        seconds = ((attempt.finished or 0) - attempt.started) / together[attempt.task_key]
        size = share + folder_size(folder / directories[trial.number])
        yield _cost(symbols, trial, result, (seconds, size), folder.name)


def _cost(
    symbols: Symbols, trial: Trial, result: Result, taken: tuple[float, float], source: str
) -> Cost:
    seconds, size = taken
    epochs = [epoch.seconds for epoch in result.epochs if epoch.seconds is not None]
    startup = max(0.0, seconds - sum(epochs))
    per_epoch = size / len(epochs)
    return Cost(shape(symbols, trial.config), startup, median(epochs), 0, per_epoch, source)


def folder_size(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _tells(trial: Trial, result: Result) -> bool:
    timed = result.history and all(epoch.seconds is not None for epoch in result.epochs)
    return bool(result.status is Status.PASSED and timed and EPOCHS in trial.config)


def _is_cpu(device: str) -> bool:
    return each(device)[0] == CPU


def _distinct(symbols: Symbols, trials: Sequence[Trial]) -> list[tuple[Trial, Shape]]:
    distinct: dict[Key, tuple[Trial, Shape]] = {}
    for trial in trials:
        its = shape(symbols, trial.config)
        distinct.setdefault(_key(its), (trial, its))
    return list(distinct.values())


def _key(shape: Mapping[str, str]) -> Key:
    return frozenset(shape.items())


def _kind(symbols: Symbols, name: str) -> str:
    return symbols.kind(name) if name in symbols else "string"


def _weight(symbols: Symbols, name: str) -> int:
    return WEIGHTS.get(name, CHOICE_WEIGHT if _kind(symbols, name) == CHOICE else 1)
