"""`sweep`: expand range files into trials, and run them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from espalier.commands.sweeps import sweep_generate, sweep_run
from espalier.core.paths import SWEEP_CONFIGS
from espalier.core.process import stop_signals

OWN = {"output_dir", "config_dir", "folder"}
"""Parameters of the two verbs that say where the plan lies: here it is the one just made."""


def _params() -> list[click.Parameter]:
    """Return the parameters of both verbs, each once."""
    planning = [item for item in sweep_generate.command.params if item.name not in {*OWN, "by"}]
    named = {item.name for item in planning}
    running = [item for item in sweep_run.command.params if item.name not in {*OWN, *named}]
    return [*planning, *running]


def _call(verb: click.Command, options: Mapping[str, Any], **own: Any) -> int:
    """Run a verb with those of `options` that it has."""
    function: Callable[..., int] = verb.callback  # type: ignore[assignment]
    names = {str(item.name) for item in verb.params} - OWN
    return function(**{name: options[name] for name in names}, **own)


def _sweep(**options: Any) -> int:
    _call(sweep_generate.command, options, output_dir=SWEEP_CONFIGS)
    stop_signals.check()
    return _call(sweep_run.command, options, config_dir=SWEEP_CONFIGS, folder=None)


command = click.Command(
    "sweep",
    params=_params(),
    callback=_sweep,
    help="""Expand range files into the trials of a sweep, and run them.

    A sweep of the same trials that was stopped goes on. The exit code is 0 if every trial passed, 1
    if some did not, and 130 after a signal.
    """,
)
