"""A moment as text."""

from __future__ import annotations

from espalier.core.texts.utc_time import utc_text


def test_a_moment_is_that_of_no_time_zone() -> None:
    assert utc_text(86_399.9) == "1970-01-01 23:59:59 UTC"
