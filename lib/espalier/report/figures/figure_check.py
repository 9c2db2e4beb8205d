"""A look at a figure by program: what is cut, what lies over what."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def look_at(figure: Figure) -> list[str]:
    """Return a line for each fault of a figure that is laid out; none if it has none."""
    return []
