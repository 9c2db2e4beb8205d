"""The program of the page: nothing in it can turn data into markup or reach a network."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from espalier.report.html.page_assets import COMPARISON, FOLDER, REPORT, policy, program, style

FORBIDDEN = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|createContextual"
)
REACHING = r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import\(|https?://(?!www\.w3\.org/2000/svg)"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.js")), ids=lambda path: path.name)
def test_no_file_makes_markup_of_data_or_asks_a_network(path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(FORBIDDEN, text) and not re.search(REACHING, text)
    assert "</script" not in text.lower() and "<!--" not in text
    assert text.startswith("// ") and "\t" not in text


def test_every_file_is_in_a_program() -> None:
    assert {path.name for path in FOLDER.glob("*.js")} == {*REPORT, *COMPARISON}


def test_the_style_reaches_nothing() -> None:
    assert not re.search(r"url\(|@import|</", style())


@pytest.mark.parametrize("scripts", [REPORT, COMPARISON])
def test_the_policy_allows_the_two_texts_and_nothing_else(scripts: tuple[str, ...]) -> None:
    digest = base64.b64encode(hashlib.sha256(program(scripts).encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy(scripts)
    assert policy(scripts).startswith("default-src 'none'; ") and "unsafe" not in policy(scripts)
