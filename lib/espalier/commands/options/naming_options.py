"""The options that say what a sweep is called, what it is for, and its tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from espalier.commands.options.option_types import make_option, place, together
from espalier.core.errors import UserError
from espalier.plan.sweep_naming import CLEARED, read_name, read_note, read_tags, shorten_value


class NamingType(click.ParamType[Any]):
    """A text that one of the readers of `sweep_naming` reads."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        """`name` is what help calls the value; `read` raises UserError with the rule."""
        self.name, self._read = name, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return what the text is. Raises UserError."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except UserError as error:
            raise UserError(f"{place(param, shorten_value(value), ctx)}: {error}") from None


name = make_option(
    "NAME",
    "--name",
    type=NamingType("name", read_name),
    help="what the sweep is called: in its folder's name and its reports",
)
note = make_option(
    "NOTE",
    "--note",
    type=NamingType("text", read_note),
    help=f"a line on what the sweep is for; {CLEARED} takes it away",
)
tags = make_option(
    "TAGS",
    "--tags",
    type=NamingType("tag,...", read_tags),
    help=f"words that group sweeps; {CLEARED} takes them away",
)
naming_options = together(name, note, tags)
