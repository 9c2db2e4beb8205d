"""Trials, time and disk of a plan, before anything runs."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.core.trial import Trial
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan.plan import Plan, write_configs
from espalier.run import cost_model as costing
from espalier.run.admission import fit_workers
from espalier.run.cost_model import Estimate
from espalier.run.devices import slots
from espalier.run.pool import Pool
from espalier.run.progress import duration
from espalier.run.timing_probe import Probed, TimingProbe

TICK = 0.1  # seconds
PROBES = 6
"""At most this many trials are started to see how long they take."""


def estimate_plan(plan: Plan, parallel: int, pack: int, entry: str) -> list[str]:
    """Return what a plan takes, for people: from earlier results, or from a short probe.

    `parallel` and `pack` are as in a sweep. A probe is announced on stdout. Raises
    UserError if no trial could be timed.
    """
    symbols = Symbols(tree.parse())
    slots = _slots(plan, parallel)
    costs = costing.from_results(symbols, RESULTS, slots[0])
    todo = costing.unlike(symbols, plan.trials, costs, PROBES)
    problems: list[str] = []
    warming = costing.warming(RESULTS)
    if todo:
        print(f"Probing {len(todo)} of {len(plan.trials)} trials ...", flush=True)
        probed, warming = _probe(symbols, plan, todo, slots, entry)
        costs, problems = [*costs, *probed.costs], [*_packs(plan, pack), *probed.problems]
    if not costs:
        raise UserError(f"no trial could be timed: {'; '.join(problems)}")
    total = costing.total(symbols, plan.trials, costs, len(slots))
    return [*format_estimate(plan, total, len(slots), warming), *problems]


def format_estimate(plan: Plan, estimate: Estimate, workers: int, warming: float) -> list[str]:
    """Return an estimate as lines; `warming` is the seconds before the first trial begins."""
    count = len(plan.trials)
    shortest, longest = duration(estimate.shortest), duration(estimate.longest)
    basis = ", ".join(f"{source} ({n} trials)" for source, n in estimate.sources.items())
    lines = [
        f"Trials: {count}",
        f"Time: about {duration(warming + estimate.wall)}, {workers} at a time; "
        f"{duration(warming)} of it until the workers are warm",
        f"A trial takes {shortest} to {longest}; all, one after the other, "
        f"{duration(estimate.compute)}",
        f"Disk: about {_size(estimate.size)} ({_size(estimate.size / count)} a trial)",
        f"Measured on: {basis}",
    ]
    if estimate.unlike:
        lines.append(f"{estimate.unlike} trials are unlike anything measured: theirs is a guess")
    return lines


def _packs(plan: Plan, pack: int) -> list[str]:
    """Return a line if trials may be trained together, which the probe does not do."""
    if pack == 1 or len({trial.shape for trial in plan.trials}) == len(plan.trials):
        return []
    return ["Measured one trial at a time: packs (CONFIG_PACK) may make the sweep faster"]


def _probe(
    symbols: Symbols, plan: Plan, todo: list[Trial], slots: list[str], entry: str
) -> tuple[Probed, float]:
    """Measure trials; return their costs, and the seconds until the first worker was warm."""
    shapes = [costing.shape(symbols, trial.config) for trial in todo]
    with tempfile.TemporaryDirectory() as name:
        folder, begun = Path(name), time.monotonic()
        pool = Pool(entry, slots, folder / "workers.log")
        try:
            while not pool.idle():
                pool.wait(TICK)
            warming = time.monotonic() - begun
            probed = TimingProbe(pool, plan.settings, folder).run(todo, shapes)
        finally:
            pool.close()
        texts = _config_bytes(symbols, replace(plan, trials=todo), folder)
    costs = [replace(c, size=c.size + texts) for c in probed.costs]
    return replace(probed, costs=costs), warming


def _config_bytes(symbols: Symbols, plan: Plan, folder: Path) -> float:
    """Return the bytes that a trial's `.config` takes, in its folder and in the store."""
    (folder / "configs").mkdir()
    write_configs(plan, folder / "configs", symbols)
    return 2 * costing.folder_size(folder / "configs") / len(plan.trials)


def _slots(plan: Plan, parallel: int) -> list[str]:
    threads = max(int(trial.config["CPU_THREADS"]) for trial in plan.trials)
    ranks = max(trial.ranks for trial in plan.trials)
    every_slot = slots(plan.settings["DEVICE"], parallel, threads, ranks)
    devices, _ = fit_workers(every_slot[: len(plan.trials)], parallel)
    return devices


def _size(number: float) -> str:
    for unit in ("B", "KB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
