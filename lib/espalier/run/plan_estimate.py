"""Trials, time and disk of a plan, before anything runs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from espalier.core import strict_json
from espalier.core.errors import UserError
from espalier.core.texts.count_text import count_text
from espalier.core.trial import EPOCHS, Status, Trial
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan.plan import Plan, write_configs
from espalier.run import cost_model
from espalier.run.admission import fit_workers
from espalier.run.cost_model import Estimate, Span, Speed
from espalier.run.devices import is_on_cpu, slots
from espalier.run.entries import worker_memory
from espalier.run.estimate_text import Findings, describe_range, format_estimate, stop_notes
from espalier.run.packing.pack_queue import share
from espalier.run.pool import Pool
from espalier.run.speed_probe import TICK, Measured, SpeedProbe
from espalier.scripts import script_identity

BUDGET = 120.0
"""Seconds that measuring may take, about, over all shapes."""
LONGEST, SHORTEST = 12.0, 2.0
"""Seconds for one measurement: no more is needed, and less tells nothing."""
WIDEST = 2.25
"""A range whose ends are farther apart is no estimate: its middle may be off by more than 1.5."""

Groups = Mapping[str, Sequence[Trial]]
"""Trials by their shape: of one model, one data set, one batch size."""


@dataclass(frozen=True)
class _Means:
    """What measures: the device of each worker, trials in a pack (0: by a probe), and the entry."""

    workers: list[str]
    pack: int
    entry: str


def estimate_plan(plan: Plan, parallel: int, pack: int, entry: str) -> list[str]:
    """Return what a plan takes, for people, from steps of its own trials that are measured now.

    `parallel` and `pack` are as in a sweep. That it measures is announced on stdout. Raises
    UserError if there can be no estimate that is right within a factor of 1.5.
    """
    means = _Means(_slots(plan, parallel, entry), pack, entry)
    workers = len(means.workers)
    what = "network"
    if script_identity.is_of_programs(plan.settings):
        plan, what = _by_configuration(plan, workers), "configuration"
    groups = _groups(plan.trials)
    _require_measurable(plan, groups, workers)
    print(f"Measuring {count_text(len(groups), what)} of {len(plan.trials)} trials ...", flush=True)
    findings = _measure(plan, groups, means)
    estimate = cost_model.total(plan.trials, findings.speeds, findings.packs, workers)
    _require_narrow(estimate, findings)
    return format_estimate(plan.trials, estimate, findings, workers)


def _by_configuration(plan: Plan, workers: int) -> Plan:
    """Return a plan of programs in which trials of one configuration have a shape of their own.

    Nothing else says which take equally long. If they are too many to be measured, as it was.
    """
    shapes = {trial.configuration for trial in plan.trials}
    if BUDGET * workers / len(shapes) < SHORTEST:
        return plan
    names = {shape: f"{number}" for number, shape in enumerate(shapes)}
    trials = [replace(trial, shape=names[trial.configuration]) for trial in plan.trials]
    return replace(plan, trials=trials)


def _require_measurable(plan: Plan, groups: Groups, workers: int) -> None:
    """Raise UserError if the trials cannot be measured, or are too many to be."""
    ranks = max(trial.ranks for trial in plan.trials)
    if ranks > 1:
        raise UserError(
            f"CONFIG_DEVICES_PER_TRIAL={ranks}: trials of several processes cannot be measured "
            "beforehand; run one, with its seed alone, and see"
        )
    if _seconds(groups, workers) < SHORTEST:
        raise UserError(
            f"no estimate: {len(groups)} different networks, each of which would have to be "
            f"measured; narrow the axes ({int(BUDGET * workers / SHORTEST)} can be)"
        )


def _require_narrow(estimate: Estimate, findings: Findings) -> None:
    if estimate.wall.width > WIDEST:
        seen = describe_range(estimate.wall + Span(findings.warming, findings.warming))
        raise UserError(
            f"no estimate: epochs took so unlike times that the sweep may take {seen}; measure "
            "again when the machine is quiet, or run one trial to its end if its network grows"
        )


def _seconds(groups: Groups, workers: int) -> float:
    """Return how long one measurement may take."""
    return min(LONGEST, BUDGET * workers / len(groups))


def _groups(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.shape, []).append(trial)
    return groups


def _measure(plan: Plan, groups: Groups, means: _Means) -> Findings:
    """Let workers measure every shape. Raises UserError if one cannot be measured."""
    workers, seconds = len(means.workers), _seconds(groups, len(means.workers))
    with tempfile.TemporaryDirectory() as name, _pool(means, Path(name)) as (pool, warming):
        folder = Path(name)
        probe = SpeedProbe(pool, plan.settings, folder)
        packs = {shape: min(means.pack or 1, len(group)) for shape, group in groups.items()}
        if not means.pack:
            several = {shape: group for shape, group in groups.items() if len(group) > 1}
            packs |= probe.pack_sizes(several, seconds)
        measured = probe.speeds(_chosen(groups, packs, workers), seconds)
        configs = _config_bytes(plan, folder)
    speeds, notes = _speeds(measured)
    fitting = {shape: min(packs[shape], speeds[shape].trials) for shape in groups}
    size = sum(_bytes(each, groups[each.trials[0].shape]) for each in _one_each(measured))
    notes = [*notes, *stop_notes(plan.settings)]
    return Findings(speeds, fitting, warming, size + configs, notes)


@contextmanager
def _pool(means: _Means, folder: Path) -> Iterator[tuple[Pool, float]]:
    """Yield workers, and the seconds until all were warm."""
    begun = time.monotonic()
    pool = Pool(means.entry, means.workers, folder / "workers.log")
    try:
        while len(pool.idle()) < len(means.workers):
            pool.wait(TICK)
        yield pool, time.monotonic() - begun
    finally:
        pool.close()


def _chosen(groups: Groups, packs: Mapping[str, int], workers: int) -> list[list[Trial]]:
    """Return the packs to measure: two of each shape that has them, and one for every worker."""
    lists: list[list[Trial]] = []
    total = sum(map(len, groups.values()))
    for shape, group in groups.items():
        size = min(packs[shape], share(len(group), 0, workers, total - len(group)))
        lists.append(list(group[:size]))
        if len(group) > size:
            lists.append(list(group[-size:]))
    filled = (
        -(-len(lists) // workers) * workers
    )  # a worker without work would let others run faster
    return [lists[i % len(lists)] for i in range(filled)]


def _speeds(measured: Sequence[Measured]) -> tuple[dict[str, Speed], list[str]]:
    """Return speeds by shape, with notes. Raises UserError for a shape that cannot be measured."""
    by_shape: dict[str, list[Measured]] = {}
    for each in measured:
        by_shape.setdefault(each.trials[0].shape, []).append(each)
    speeds: dict[str, Speed] = {}
    for shape, several in by_shape.items():
        passed = [each.result for each in several if each.result.status is Status.PASSED]
        if not passed:
            raise _unmeasured(several[0])
        speeds[shape] = cost_model.speed(passed)
    random = any(each.result.measures.get("random") for each in measured)
    note = "Measured on random samples in the shapes of a data set whose files are not here"
    return speeds, [note] if random else []


def _unmeasured(measured: Measured) -> UserError:
    result, trial = measured.result, measured.trials[0]
    return UserError(
        f"no estimate: {trial.name} cannot be measured: {result.status} ({result.reason}): "
        f"{result.message}"
    )


def _one_each(measured: Sequence[Measured]) -> list[Measured]:
    """Return one measurement of each shape, one that passed."""
    passed = [each for each in measured if each.result.status is Status.PASSED]
    return list({each.trials[0].shape: each for each in passed}.values())


def _bytes(measured: Measured, group: Sequence[Trial]) -> float:
    """Return what the results of a shape's trials take on disk, but for their configurations."""
    records = [len(strict_json.encode(r)) + len(strict_json.pretty(r)) for r in EPOCH_RECORDS]
    fixed = measured.size / len(measured.trials)
    values = sum(2 * len(strict_json.encode(trial.as_json())) for trial in group)
    epochs = sum(int(trial.config[EPOCHS]) for trial in group)
    return fixed * len(group) + values + epochs * sum(records) / len(records)


EPOCH_RECORDS = [
    {
        "epoch": 10, "epochs": 20, "step": 1000, "train_loss": 0.123456789012345,
        "val_loss": 0.123456789012345, "val_acc": 98.14814814814815, "lr": 0.000123456789,
        "sparsity": 0.123456789012345, "seconds": 0.123456789012345,
    }
]  # fmt: skip
"""What an epoch leaves, in the store and in training_metrics.json."""


def _config_bytes(plan: Plan, folder: Path) -> float:
    """Return the bytes that the trials' `.config` take, in their folders and in the store."""
    (folder / "configs").mkdir()
    first = replace(plan, trials=plan.trials[:1])
    write_configs(first, folder / "configs", Symbols(tree.parse()))
    return 2 * cost_model.folder_size(folder / "configs") * len(plan.trials)


def _slots(plan: Plan, parallel: int, entry: str) -> list[str]:
    threads = max(int(trial.config["CPU_THREADS"]) for trial in plan.trials)
    ranks = max(trial.ranks for trial in plan.trials)
    every_slot = slots(plan.settings["DEVICE"], parallel, threads, ranks)
    memory = worker_memory(entry, is_on_cpu(every_slot[0]))
    devices, _ = fit_workers(every_slot[: len(plan.trials)], parallel, memory)
    return devices
