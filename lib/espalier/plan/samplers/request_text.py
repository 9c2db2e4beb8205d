"""Requests as the text of a range file, for a plan that goes on without the files it began with."""

from __future__ import annotations

from espalier.kconfig import range_file
from espalier.kconfig.requests import Request, Requests
from espalier.kconfig.symbols import Symbols


def where(requested: Requests, name: str, usual: str) -> str:
    """Return the place and value of a setting, as a message begins; `usual` if none has it."""
    request = requested.get(name)
    return request.at(request.values[0]) if request else usual


def lines(symbols: Symbols, request: Request) -> list[str]:
    """Return the lines of a range file that a request is read from again.

    What is lost is its place, and of members switched y|n the order.
    """
    if request.excluded:
        return _switches(symbols, request)
    texts = [str(request.interval)] if request.interval else map(range_file.quote, request.values)
    return [_line(request.name, "|".join(texts))]


def _switches(symbols: Symbols, request: Request) -> list[str]:
    """Return a line for each member of a choice that is switched on, off or both in turn."""
    lines = []
    for label, member in symbols.members(request.name).items():
        states = ["y"] * (label in request.values) + ["n"] * (label in request.excluded)
        lines += [_line(member.name, "|".join(states))] if states else []
    return lines


def _line(name: str, text: str) -> str:
    return f"{range_file.PREFIX}{name}={text}"
