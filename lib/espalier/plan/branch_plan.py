"""The plan of a trial that goes on from a snapshot, as it was or with other values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from espalier.core.errors import UserError
from espalier.core.records import Provenance
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning
from espalier.plan.plan import Plan

FREE = ("NUM_EPOCHS", "LEARNING_RATE", "GRAD_CLIP_NORM")
"""What may be another value: all else is in the snapshot already, where no symbol reaches it."""


def read_changes(texts: Sequence[str]) -> dict[str, str]:
    """Return the values by symbol of `NAME=VALUE` texts. Raises UserError."""
    changes: dict[str, str] = {}
    for name, value in map(_read_change, texts):
        if name in changes:
            raise UserError(
                f"{name}={value}: already given as {changes[name]}; keep one of the two"
            )
        changes[name] = value
    return changes


def _read_change(text: str) -> tuple[str, str]:
    name, _, value = text.removeprefix("CONFIG_").partition("=")
    if name not in FREE or not value:
        raise UserError(f"{text}: must be one of {', '.join(f'{free}=VALUE' for free in FREE)}")
    return name, value


def plan_branch(made: Provenance, changes: Mapping[str, str], place: str) -> Plan:
    """Return the plan of one trial: the configuration of a snapshot with `changes`.

    `made` is what the snapshot in the file `place` says it was made with: `config` and `settings`.
    Raises UserError if that is no configuration of this version.
    """
    config = {**(made.config or {}), **changes}
    symbols = Symbols(tree.parse())
    settings = made.settings or {}
    settings = {name: value for name, value in settings.items() if name in symbols}  # some are gone
    base = {name: _quote(value) for name, value in {**settings, **config}.items()}
    try:
        plan = planning.plan_from_rows(base, [{}], symbols)
    except UserError as error:  # its place would be a line of rows that nobody wrote
        raise UserError(f"{place}: {str(error).partition(': ')[2]}") from error
    if len(plan.trials) != 1 or plan.trials[0].config != config:
        raise UserError(
            f"{place}: its configuration is not one of this version any more; "
            "check out the commit that it names"
        )
    return plan


def _quote(value: str) -> str:
    """Return a value as range files have it: in quotes if it could be taken for several."""
    return value if re.fullmatch(r"[\w.+-]+", value) else f'"{value}"'
