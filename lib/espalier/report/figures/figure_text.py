"""Text of a store or a user as a figure can draw it: one line, in characters that its font has."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable

from espalier.core.process.terminal import printable

MISSING = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
LONGEST = 2000
"""Characters of a text at most, before anything is measured."""


def drawable(text: str) -> str:
    r"""Return `text` as one line; what the font lacks is a mark, control characters are `\x1b`."""
    line = printable(" ".join(text.split()))
    there = _characters()
    return "".join(each if ord(each) in there else MISSING for each in shorten_end(line, LONGEST))


def shorten(text: str, limit: int) -> str:
    """Return `text` as `drawable` has it, in `limit` characters at most: its middle is left out."""
    line = drawable(text)
    if len(line) <= limit:
        return line
    tail = limit // 3
    return line[: limit - tail - 1] + ELLIPSIS + line[len(line) - tail :]


def shorten_end(text: str, limit: int) -> str:
    """Return the first characters of `text`, `limit` at most."""
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


@functools.cache
def _characters() -> Collection[int]:
    """Return the characters that the font of figures has."""
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


def capital(text: str) -> str:
    """Return a text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def wrap(text: str, size: float, room: float) -> list[str]:
    """Return a text in lines of `room` points at most; `size` is that of its characters."""
    lines: list[str] = []
    left = 0.0
    space = text_width("a b", size) - text_width("ab", size)
    for word in text.split():
        piece = fit(word, size, room)
        width = text_width(piece, size)
        if lines and space + width <= left:
            lines[-1] += f" {piece}"
            left -= space + width
        else:
            lines.append(piece)
            left = room - width
    return lines


def fit(text: str, size: float, room: float) -> str:
    """Return a text, without its middle if it is wider than `room` points."""
    while len(text) > 3 and text_width(text, size) > room:
        text = shorten(text, max(3, int(0.8 * len(text))))
    return text


def text_width(text: str, size: float) -> float:
    """Return the width of a line in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), False)
    return float(width)


def seeds_text(counts: Iterable[int]) -> str:
    """Return how many seeds there are, or from which number to which: `n = 2 to 5 seeds`."""
    numbers = list(counts) or [0]
    return f"n = {span_text(numbers)} seed{'s' * (set(numbers) != {1})}"


def span_text(counts: Iterable[int]) -> str:
    """Return from which number to which some go: `2 to 5`, or `3` where all are the same.

    Raises ValueError without any.
    """
    numbers = set(counts)
    return " to ".join(map(str, sorted({min(numbers), max(numbers)})))
