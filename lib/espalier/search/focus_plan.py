"""The plan of a sweep around a configuration of a finished one."""

from __future__ import annotations

from pathlib import Path

from espalier.analysis.rank import rank
from espalier.core import disk_full
from espalier.core.atomic_write import atomic_write
from espalier.core.errors import UserError
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning
from espalier.plan.plan import Plan
from espalier.report.reports import ranking_measure, trial_results
from espalier.search import focus
from espalier.store.results_dir import STORE
from espalier.store.store import Store

RANGE = "focus-range"


def plan_around(
    folder: Path, around: str, by: str | None, region: float | None
) -> tuple[Plan, str]:
    """Write focus-range into the folder of a sweep; returns its plan, and what it is around.

    `around` is as for `focus.choose_centre`; `region` is a factor above 1. Raises UserError.
    """
    with Store.open(folder / STORE, readonly=True) as store:
        trials, by = trial_results(store), ranking_measure(store, by)
        settings = store.header.settings
    ranking = rank(trials, by)
    centre = focus.choose_centre(ranking, around)
    axes = focus.nearby_values(
        Symbols(tree.parse()), centre.first, focus.tried_values(ranking), region
    )
    if not any(len(values) > 1 for values in axes.values()):
        raise UserError(f"{folder}: sweeps no number, so there is nothing near to try")
    heading = f"Around {centre.first.name} of {folder.name}, {around} by {by}"
    with disk_full.needed(folder):
        atomic_write(folder / RANGE, focus.range_file(centre, axes, settings, [heading]))
    return planning.plan_from_files([folder / RANGE]), heading
