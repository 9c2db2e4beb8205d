from __future__ import annotations

from espalier.report import templates


def test_what_steers_a_terminal_is_shown_in_reports() -> None:
    page = templates._environment().from_string("{{ name }}|{{ number }}|{{ block }}")
    text = page.render(name="\x1b[31mred", number=1.5, block="a\nb\tc\r")
    assert text == "\\x1b[31mred|1.5|a\nb\tc\\r"
