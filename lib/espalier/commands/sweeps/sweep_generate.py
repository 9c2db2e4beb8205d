"""`sweep-generate`: expand range files into the plan of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from espalier.commands.options.naming_options import naming_options
from espalier.commands.options.option_types import PATH, refuse_given, take_fields
from espalier.commands.options.range_options import (
    PowerOptions,
    SizeOptions,
    power_options,
    range_options,
    read_plan,
)
from espalier.core.paths import SWEEP_CONFIGS
from espalier.plan.plan import write_plan
from espalier.plan.plan_report import describe_plan
from espalier.plan.sweep_naming import SweepNaming


@click.command()
@range_options
@power_options
@naming_options
@click.option("--output-dir", type=PATH, default=SWEEP_CONFIGS, help="folder of the plan")
def command(files: Sequence[str], output_dir: Path, **options: Any) -> int:
    """Expand range files into the plan of a sweep: a folder of trials.

    With DETECT it says what the seeds can see; sweep-estimate always does.
    """
    naming = take_fields(SweepNaming, options)
    power = take_fields(PowerOptions, options)
    if power.detect is None:
        refuse_given("alpha", "ALPHA: is of DETECT; give both, or leave it out")
    planned, symbols = read_plan(files, SizeOptions(**options), power.by)
    plan = naming.over(planned)
    write_plan(plan, output_dir, symbols)
    seen = [] if power.detect is None else power.describe(plan)  # scipy takes longer than all else
    print("\n".join([*describe_plan(plan), *seen]))
    print(f"\nWrote {len(plan.trials)} configurations to {output_dir}/")
    return 0
