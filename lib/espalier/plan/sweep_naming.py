"""What a user calls a sweep and says of it: its name, its note and its tags.

They identify nothing: the same trials under another name are the same plan. The name is part of
the name of the sweep's folder, so it has characters alone that any file system and shell takes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from espalier.core.errors import UserError
from espalier.core.process.terminal import printable
from espalier.core.records import PlanHeader, PlanOrigin
from espalier.core.texts.shortening import shorten

OriginT = TypeVar("OriginT", bound=PlanOrigin)

LONGEST_NAME = 60
LONGEST_NOTE = 1000
MOST_TAGS = 20
CLEARED = "none"
"""What is given in place of a note or of tags to have none."""
SHOWN = 63
"""Characters of a broken value that a message has."""

_PLAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_FORM = "must be letters a-z, digits, and . _ - between them"


@dataclass(frozen=True)
class SweepNaming:
    """A name, a note and tags as they are given; None: not given. An empty one clears."""

    name: str | None = None
    note: str | None = None
    tags: list[str] | None = None

    def over(self, header: OriginT) -> OriginT:
        """Return a header, or a plan, with what is given here in place of what it has."""
        given = {key: value for key, value in vars(self).items() if value is not None}
        parts: dict[str, Any] = {key: value or None for key, value in given.items()}
        return replace(header, **parts)


UNNAMED = SweepNaming()
"""Nothing is given."""


def naming_of(header: PlanHeader) -> SweepNaming:
    """Return the name, the note and the tags of a header; what it lacks is empty, not None."""
    return SweepNaming(header.name or "", header.note or "", header.tags or [])


def read_name(text: str) -> str:
    """Return a text that names a sweep. Raises UserError, with the rule, if it cannot."""
    if len(text) > LONGEST_NAME or not _PLAIN.fullmatch(text):
        raise UserError(f"{_FORM}, {LONGEST_NAME} at most")
    return text


def read_note(text: str) -> str:
    """Return a text that is a note; that of `none` is empty. Raises UserError, with the rule."""
    note = text.strip()
    if len(note) > LONGEST_NOTE or printable(note) != note:
        raise UserError(f"must be one line of {LONGEST_NOTE:,} characters at most")
    return "" if note == CLEARED else note


def read_tags(text: str) -> list[str]:
    """Return the tags that stand in a text by commas, each once; `none` is no tag.

    Raises UserError, with the rule.
    """
    tags = list(dict.fromkeys(tag for part in text.split(",") if (tag := part.strip())))
    if tags == [CLEARED]:
        return []
    for tag in tags:
        if tag == CLEARED or len(tag) > LONGEST_NAME or not _PLAIN.fullmatch(tag):
            rule = f"each tag {_FORM}, {LONGEST_NAME} at most, and not {CLEARED} beside others"
            raise UserError(f"{shorten_value(tag)}: {rule}")
    if not 0 < len(tags) <= MOST_TAGS:
        raise UserError(f"must be 1 to {MOST_TAGS} tags by commas, or {CLEARED}")
    return tags


def shorten_value(text: str) -> str:
    """Return a text of others as the beginning of one line."""
    return shorten(printable(text), SHOWN)


def naming_lines(header: PlanHeader) -> list[str]:
    """Return a line each for the name, the note and the tags that a header has."""
    parts = {"Name": header.name, "Note": header.note, "Tags": ", ".join(header.tags or [])}
    return [f"{what}: {printable(text)}" for what, text in parts.items() if text]
