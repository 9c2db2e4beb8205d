"""Names and values that a tool cannot hold as they are, and where they are kept whole.

A name that a tool refuses gets one that it takes, which begins like it and ends in a digest. What
it was is kept beside, for the reader of the run.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Rule = Callable[[str], bool]
"""Whether a tool takes a name."""
NOT_FINITE = ("NaN", "Infinity", "-Infinity")
"""Texts that some tools read as numbers."""
SHOWN = 40
"""Characters that a name or value keeps, of one that does not fit."""


def tool_names(names: Iterable[str], fits: Rule) -> dict[str, str]:
    """Return the name that a tool has for each name."""
    return {name: name if fits(name) else _digested(name) for name in names}


def changed(names: Mapping[str, str]) -> dict[str, str]:
    """Return the names that became others, by what they became."""
    return {own: name for name, own in names.items() if own != name}


def shortened(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters: the text, or how it begins, and a digest."""
    return text if len(text) <= longest else f"{text[:SHOWN]}... {_digest(text)}"


def quoted(value: Any) -> Any:
    """Return a value for JSON that has NaN as a text: a text that looks like it gets quotes."""
    return json.dumps(value) if isinstance(value, str) and _is_quoted(value) else value


def unquoted(value: Any) -> Any:
    """Return the value that `quoted` was given, of what such JSON has."""
    if value in NOT_FINITE:
        return float(value)
    return json.loads(value) if isinstance(value, str) and _is_quoted(value) else value


def _is_quoted(text: str) -> bool:
    return text in NOT_FINITE or text.startswith('"')


def _digested(name: str) -> str:
    start = re.sub("[^A-Za-z0-9]+", "_", name[:SHOWN]).strip("_")
    return f"{start}_{_digest(name)}".lstrip("_")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
