"""A number of things in words."""

from __future__ import annotations


def count_text(count: int, what: str) -> str:
    """Return a number with what it counts, in the plural unless it is 1: `2 seeds`."""
    return f"{count} {what}{'s' * (count != 1)}"
