"""`train`: train the configuration, as plain `make` does."""

from __future__ import annotations

from typing import Any

import click

from espalier.commands.options.run_options import RunOptions, run_options
from espalier.kconfig import dotconfig
from espalier.plan import planning
from espalier.plan.plan import render
from espalier.plan.plan_report import describe_plan
from espalier.run import launch


@click.command()
@run_options
def command(**options: Any) -> int:
    """Train the configuration in .config: one trial, or a test matrix.

    The environment variable KCONFIG_CONFIG names another file than .config.
    """
    chosen = RunOptions.taken(options)
    plan = planning.plan_from_config(dotconfig.path())
    if len(plan.trials) > 1 or plan.dropped or plan.notes:
        print("\n".join(describe_plan(plan)) + "\n")
    written, texts = render(plan)
    return launch.run(chosen.request(written.header(), texts))
