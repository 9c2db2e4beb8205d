"""How a value is written that was spelt as in another language: lists, ranges, switches."""

from __future__ import annotations

import re
from collections.abc import Iterable

from espalier.kconfig.line_faults import LONGEST
from espalier.kconfig.range_file import Setting
from espalier.kconfig.symbols import CHOICE, Symbols

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_SPAN = re.compile(rf"({_NUMBER})\s*(?:\.\.\.?|…)\s*({_NUMBER})|(\d+)\s*[-–]\s*(\d+)")
_BRACKETS = re.compile(r"[\[({<]\s*(.*?)\s*[\])}>]")
_BETWEEN = re.compile(r"\s*[|,;]\s*|\s+")
_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_SWITCHES = {"y": ("yes", "true", "on", "1"), "n": ("no", "false", "off", "0", "none")}


def of_value(symbols: Symbols, setting: Setting, text: str) -> str:
    """Return how `text`, which is no value of a line's symbol, is written; empty if unclear."""
    for value, words in _SWITCHES.items():
        if symbols.kind(setting.symbol) == "bool" and text.lower() in words:
            return f"write {value}"
    if len(setting.text) > LONGEST:
        return ""
    if setting.text.startswith('"') and len(setting.values) == 1 and re.search("[|:]", text):
        return f"quotes keep it one value; without them: {text}"
    return _of_several(symbols, setting)


def _of_several(symbols: Symbols, setting: Setting) -> str:
    written = setting.text.replace('"', "")
    brackets = _BRACKETS.fullmatch(written)
    bare = brackets[1] if brackets else written
    if span := _SPAN.fullmatch(bare):
        start, end = (part for part in span.groups() if part is not None)
        example = f", as in {start}:1:{end}" if (start + end).isdecimal() else ""
        return f"use | between values, or start:step:end{example}"
    items = [item for item in _BETWEEN.split(bare) if item]
    if len(items) > 1 and "|".join(items) != written and _are_values(symbols, setting, items):
        return f"use | between values: {'|'.join(items)}"
    if _COMMA.fullmatch(bare) and _are_values(symbols, setting, [bare.replace(",", ".")]):
        return f"use a decimal point: {bare.replace(',', '.')}"
    return f"without brackets: {bare}" if brackets else ""


def _are_values(symbols: Symbols, setting: Setting, items: Iterable[str]) -> bool:
    if symbols.kind(setting.symbol) == CHOICE:
        return {item.lower() for item in items} <= symbols.members(setting.symbol).keys()
    try:
        return all([symbols.canonical(setting.symbol, item) is not None for item in items])
    except ValueError:
        return False
