"""`sweep-estimate`: estimate the time and disk space of a sweep before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from espalier.commands.options.option_types import pack, parallel, take_fields
from espalier.commands.options.range_options import (
    PowerOptions,
    SizeOptions,
    power_options,
    range_options,
    read_plan,
)
from espalier.commands.options.run_options import allow as allow_option
from espalier.commands.options.run_options import entry as entry_option
from espalier.plan.outside_files import script_plan
from espalier.plan.plan_report import describe_plan
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord
from espalier.report.sampler_report import share_line
from espalier.run.entries import check_installed, entry_of
from espalier.run.plan_estimate import estimate_plan


@click.command()
@range_options
@parallel
@pack
@entry_option
@allow_option
@power_options
def command(  # noqa: PLR0913  # an option each
    files: Sequence[str],
    parallel: int | None,
    pack: int | None,
    entry: str | None,
    allow: str | None,
    **options: Any,
) -> int:
    """Estimate the time and disk space of a sweep, from steps of its trials measured now.

    Say too what differences its seeds can see.
    """
    power = take_fields(PowerOptions, options)
    plan, _ = read_plan(files, SizeOptions(**options), power.by)
    workers = int(plan.settings["PARALLEL"]) if parallel is None else parallel
    together = int(plan.settings["PACK"]) if pack is None else pack
    usual = entry_of(plan.settings)
    seen = power.describe(plan, None if entry == usual else entry)
    print("\n".join([*describe_plan(plan), *seen, ""]), flush=True)  # also if time is not known
    script_plan.check_allowed(plan.trials, plan.settings, allow or "")
    check_installed(entry or usual)
    print("\n".join(estimate_plan(plan, workers, together, entry or usual)))
    if record := SamplerRecord.of(plan.design):
        print(share_line(record))
    return 0
