"""`sweep-focus`: plan a sweep around a configuration of a finished one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from espalier.commands.options.option_types import PATH, Checked, make_option, measure, sweep_dir
from espalier.core.paths import RESULTS, SWEEP_CONFIGS
from espalier.core.texts.program_name import MAKE
from espalier.plan.plan import write_plan
from espalier.plan.plan_report import describe_plan
from espalier.search.focus import BEST, RANGE, plan_around
from espalier.store.results_dir import newest_sweep

FACTOR = Checked(
    click.FloatRange(1, math.inf, min_open=True, max_open=True), "a factor above 1, such as 2"
)


@click.command()
@make_option(
    "AROUND",
    "--around",
    default=BEST,
    help="the configuration: best, a place in the ranking, or a trial (config_003)",
)
@make_option(
    "REGION",
    "--region",
    type=FACTOR,
    help="factor by which numbers may change  [default: half-way to the values tried]",
)
@make_option(
    "HOLD",
    "--hold",
    metavar="SYMBOL,...",
    help="numbers that keep their value, beside those of the task (such as TARGET_SPARSITY);"
    " none among them lets those vary",
)
@sweep_dir
@measure
@click.option("--output-dir", type=PATH, default=SWEEP_CONFIGS, help="folder of the plan")
def command(folder: Path | None, output_dir: Path, by: str | None, **near: Any) -> int:
    """Plan a sweep around a configuration of a finished one.

    Writes a range file into the folder of that sweep, and the plan of the new sweep.
    """
    folder = folder or newest_sweep(RESULTS)
    plan, heading = plan_around(folder, by=by, **near)
    write_plan(plan, output_dir)
    first, *held = heading
    print("\n".join([f"{folder / RANGE}: {first}", *held, *describe_plan(plan)]))
    print(f"\nWrote {len(plan.trials)} configurations to {output_dir}/; next: {MAKE} sweep-run")
    return 0
