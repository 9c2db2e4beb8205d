"""Pages of text and HTML: the jinja2 templates in templates/, filled with what Python computed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espalier.core.process.terminal import printable_lines
from espalier.core.texts.program_name import MAKE

if TYPE_CHECKING:
    from jinja2 import Environment


ANALYSIS, PAGE = "sweep_analysis.txt", "html/page.html"
"""The templates of the reports that every sweep has."""
_PARTS_OF_PAGE = ("html/base.html", "html/theme.html")


def prepare() -> None:
    """Compile the templates that every sweep needs in the end, which takes a tenth of a second."""
    _environment().get_template(ANALYSIS)
    for name in (PAGE, *_PARTS_OF_PAGE):
        _environment(autoescape=True).get_template(name)


def render(name: str, /, **values: Any) -> str:
    """Return the page of the template `name`; an undefined name in it is an error."""
    return _environment().get_template(name).render(values)


def render_html(name: str, /, **values: Any) -> str:
    """Return the page of an HTML template; whatever is filled in is text in it, never markup."""
    return _environment(autoescape=True).get_template(name).render(values)


@lru_cache
def _environment(autoescape: bool = False) -> Environment:
    """Return the templates' environment, imported here so that other commands do not pay for it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_printable,
    )
    environment.globals["MAKE"] = MAKE
    return environment


def _printable(value: Any) -> Any:
    """Return what is written for an expression: names and messages of trials are others' text."""
    plain = isinstance(value, str) and not hasattr(value, "__html__")
    return printable_lines(value) if plain else value
