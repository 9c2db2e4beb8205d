"""Pages of text: the jinja2 templates in templates/, filled with what Python has computed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espalier.core.process.terminal import printable_lines

if TYPE_CHECKING:
    from jinja2 import Environment


def render(name: str, /, **values: Any) -> str:
    """Return the page of the template `name`; an undefined name in it is an error."""
    return _environment().get_template(name).render(values)


@lru_cache
def _environment() -> Environment:
    """Return the templates' environment, imported here so that other commands do not pay for it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_printable,
    )


def _printable(value: Any) -> Any:
    """Return what is written for an expression: names and messages of trials are others' text."""
    return printable_lines(value) if isinstance(value, str) else value
