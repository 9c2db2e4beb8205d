"""A number with what it counts."""

from __future__ import annotations

from espalier.core.texts.count_text import count_text


def test_only_one_is_no_plural() -> None:
    assert [count_text(n, "seed") for n in (0, 1, 2)] == ["0 seeds", "1 seed", "2 seeds"]
