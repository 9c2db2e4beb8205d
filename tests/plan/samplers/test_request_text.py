"""Requests written as lines and read again."""

from __future__ import annotations

import pytest
import toy

from espalier.kconfig.symbols import Symbols
from espalier.plan.samplers import request_text


@pytest.mark.parametrize(
    "line",
    [
        "CONFIG_COUNT=3|1",
        "CONFIG_RATE=1e-3~*1",
        "CONFIG_COUNT=2~9",
        'CONFIG_LABEL="a|b"|"1:1:3"|"quo\\"te \\\\ #1"|"0.1~0.2"|""',
        "CONFIG_SHAPE=star|round",
        "CONFIG_SHAPE_SELECT_STAR=n",
        "CONFIG_SHAPE_SELECT_STAR=y|n",
        "CONFIG_SHAPE_SELECT_STAR=y|n\nCONFIG_SHAPE_SELECT_SQUARE=n",
        "CONFIG_MASK=0x10|0x20",
        "CONFIG_PAINT=y|n",
    ],
)
def test_requests_are_read_again(symbols: Symbols, line: str) -> None:
    (request,) = toy.parse_requests(symbols, line).values()
    text = "\n".join(request_text.lines(symbols, request))
    (again,) = toy.parse_requests(symbols, text).values()
    assert set(again.values) == set(request.values)
    assert (again.excluded, again.interval) == (request.excluded, request.interval)
