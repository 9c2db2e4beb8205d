from __future__ import annotations

import pytest

from espalier.core.texts.shortening import join_first, shorten


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
