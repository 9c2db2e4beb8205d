from __future__ import annotations

import base64
import json
import zlib

import pytest
from html_pages import HOSTILE, Page

from espalier.report.html.data_block import COMPRESSED_FROM, data_block, script_json


@pytest.mark.parametrize("text", [HOSTILE, "<!--<script>", "]]>", "\u2029", "\ud800", "é\x00"])
def test_no_string_can_leave_a_script_element(text: str) -> None:
    written = script_json({text: [text]})
    assert written.isascii() and not set(written) & set("<>&")
    assert json.loads(written) == {text: [text]}
    page = Page(f'<script id="data" data-form="json">{written}</script><p>after</p>')
    assert page.data == {text: [text]} and page.tags == ["script", "p"] and page.text == "after"


def test_numbers_that_json_does_not_have_are_null() -> None:
    assert script_json([float("nan"), 1.5]) == "[null,1.5]"


def test_small_data_stay_readable_and_large_ones_are_compressed() -> None:
    assert data_block([1]).form == "json"
    block = data_block(["a" * COMPRESSED_FROM])
    assert block.form == "deflate" and len(block.text) < 1000
    assert json.loads(zlib.decompress(base64.b64decode(block.text))) == ["a" * COMPRESSED_FROM]
