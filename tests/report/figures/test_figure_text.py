"""Text of others in a figure: one line, in characters that the font has, as short as it must be."""

from __future__ import annotations

from figure_sources import HOSTILE
from hypothesis import given
from hypothesis import strategies as st

from espalier.report.figures.figure_text import (
    LONGEST,
    capital,
    drawable,
    seeds_text,
    shorten,
    span_text,
    text_width,
    wrap,
)


def test_text_of_others_stays_text() -> None:
    markup, mathematics, lines, signs, long = map(drawable, HOSTILE)
    assert markup == HOSTILE[0] and mathematics == HOSTILE[1]
    assert lines == r"line break\x1b[31m tab"
    assert signs == "\N{REPLACEMENT CHARACTER} \N{GREEK SMALL LETTER OMEGA} " + 2 * "\ufffd"
    assert len(long) == LONGEST


def test_a_long_name_keeps_its_ends() -> None:
    assert shorten("config_012_lenet5_adamw", 12) == "config_\N{HORIZONTAL ELLIPSIS}damw"
    assert shorten("short", 12) == "short"


@given(st.text(max_size=60), st.integers(4, 30))
def test_a_shortened_text_is_as_long_as_it_may_be(text: str, limit: int) -> None:
    assert len(shorten(text, limit)) <= limit


def test_lines_are_as_wide_as_there_is_room() -> None:
    text = "a line of words and then " + "w" * 300 + " and more of them"
    lines = wrap(text, 9, 200)
    assert all(text_width(line, 9) <= 200 for line in lines)
    assert lines[0].startswith("a line of words") and lines[-1].endswith("of them")
    assert wrap("", 9, 200) == []


def test_a_sentence_begins_with_a_capital() -> None:
    assert (capital("test accuracy"), capital("")) == ("Test accuracy", "")


def test_how_many_seeds() -> None:
    assert seeds_text([3, 3]) == "n = 3 seeds"
    assert seeds_text([1]) == "n = 1 seed"
    assert seeds_text([5, 2, 3]) == "n = 2 to 5 seeds"
    assert seeds_text([]) == "n = 0 seeds"
    assert (span_text([3, 3]), span_text([5, 2, 3])) == ("3", "2 to 5")
