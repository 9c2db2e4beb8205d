"""The plan of a trial that goes on from a snapshot, as it was or with other values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from espalier.core.errors import UserError, UserErrors
from espalier.core.records import Provenance
from espalier.core.trial import EPOCHS
from espalier.kconfig import assign, trust
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning
from espalier.plan.plan import Plan

FREE = (EPOCHS, "LEARNING_RATE", "GRAD_CLIP_NORM")
"""What may be another value: all else is in the snapshot already, where no symbol reaches it."""
HOW = "give SYMBOL=VALUE after the snapshot to have them"


def read_changes(texts: Sequence[str], symbols: Symbols) -> dict[str, str]:
    """Return the values by symbol of `NAME=VALUE` texts. Raises UserError.

    A symbol is one of FREE, or one that is not taken from the snapshot (see `trust`).
    """
    changes: dict[str, str] = {}
    for name, value in (_read_change(text, (*FREE, *symbols.need_trust)) for text in texts):
        if name in changes:
            raise UserError(
                f"{name}={value}: already given as {changes[name]}; keep one of the two"
            )
        changes[name] = value
    return changes


def _read_change(text: str, free: Sequence[str]) -> tuple[str, str]:
    name, _, value = text.removeprefix("CONFIG_").partition("=")
    if name not in free or not value:
        raise UserError(f"{text}: must be one of {', '.join(f'{each}=VALUE' for each in free)}")
    return name, value


def plan_branch(made: Provenance, changes: Mapping[str, str], place: str, symbols: Symbols) -> Plan:
    """Return the plan of one trial: the configuration of a snapshot with `changes`.

    `made` is what the snapshot in the file `place` says it was made with: `config` and `settings`.
    Its paths and checks are not taken, and a note says so.
    Raises UserError if that is no configuration of this version.
    """
    settings = made.settings or {}
    settings = {name: value for name, value in settings.items() if name in symbols}  # some are gone
    values = {**settings, **(made.config or {}), **changes}
    base = trust.without_trust(symbols, values, changes)
    if note := trust.note_ignored(place, values, base, HOW):
        print(note, flush=True)
    trained = {*(made.config or {}), *(name for name in changes if name in symbols.identity)}
    config = assign.without_absent(symbols, {name: base[name] for name in trained})
    try:
        quoted = {name: _quote(value) for name, value in base.items()}
        plan = planning.plan_from_rows(quoted, [{}], symbols)
    except UserError as error:  # its place would be a line of rows that no file has
        rules = [UserError(f"{place}: {line.partition(': ')[2]}") for line in error.lines]
        raise UserErrors(rules) from error
    if len(plan.trials) != 1 or plan.trials[0].config != config:
        raise UserError(
            f"{place}: its configuration is not one of this version any more; "
            "check out the commit that it names"
        )
    return plan


def _quote(value: str) -> str:
    """Return a value as range files have it: in quotes if it could be taken for several.

    Raises UserError for a value that no line of a file can hold.
    """
    if re.fullmatch(r"[\w.+-]+", value):
        return value
    if not value.isprintable() or '"' in value:
        raise UserError(f"value: {value!r} cannot be a value of a configuration")
    return f'"{value}"'
