from __future__ import annotations

import pytest

from espalier.core.texts.shortening import join_first, keep_first, shorten


@pytest.mark.parametrize(
    ("longest", "text"),
    [(9, "a sentence"[:6] + "..."), (10, "a sentence"), (3, "..."), (2, ".."), (0, "")],
)
def test_a_text_is_cut_to_what_there_is_room_for(longest: int, text: str) -> None:
    assert shorten("a sentence", longest) == text


@pytest.mark.parametrize(
    ("texts", "joined"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c"], "a, b, ...")],
)
def test_the_first_of_some_texts(texts: str, joined: str) -> None:
    assert join_first([*texts], 2) == joined


@pytest.mark.parametrize(
    ("lines", "kept"),
    [([], []), (["a", "b"], ["a", "b"]), (["a", "b", "c", "d"], ["a", "b", "and 2 more"])],
)
def test_the_first_of_some_lines(lines: list[str], kept: list[str]) -> None:
    assert keep_first(lines, 2) == kept
