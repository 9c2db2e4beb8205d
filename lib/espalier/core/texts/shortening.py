"""A text that may be of any length, cut to what there is room for."""

from __future__ import annotations

from collections.abc import Sequence

CUT = "..."


def shorten(text: str, longest: int) -> str:
    """Return `text`, cut to so many characters, with `...` at its end if it was cut."""
    if len(text) <= longest:
        return text
    return (text[: max(0, longest - len(CUT))] + CUT)[:longest]


def join_first(texts: Sequence[str], count: int) -> str:
    """Return the first `count` of some texts by commas; where there are more, `...` is last."""
    return ", ".join(texts[:count]) + f", {CUT}" * (len(texts) > count)


def keep_first(lines: Sequence[str], count: int) -> list[str]:
    """Return the first `count` of some lines; where there are more, `and 2 more` is last."""
    more = len(lines) - count
    return [*lines[:count], *[f"and {more} more"] * (more > 0)]
