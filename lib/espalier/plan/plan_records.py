"""Read the lines of plan.jsonl as what they must be, or not at all: the file may be damaged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from espalier.core.records import PlanHeader
from espalier.core.trial import Trial
from espalier.kconfig.symbols import CHOICE, Symbols


def read(lines: Iterable[str]) -> tuple[PlanHeader, list[Trial]]:
    """Return the header and the trials. Raises ValueError, or TypeError for a missing field."""
    first, *others = [json.loads(line) for line in lines]
    return _header(first), [_trial(record) for record in others]


def odd_setting(symbols: Symbols, settings: Mapping[str, str]) -> str | None:
    """Return a symbol outside of identity that has no value of its kind in `settings`, if any.

    One that is always visible must be there.
    """
    always = [name for name in symbols.settings if _is_always_visible(symbols, name)]
    return next((n for n in (*always, *settings) if not _is_value(symbols, n, settings)), None)


def _is_always_visible(symbols: Symbols, name: str) -> bool:
    prompts = [node.prompt for node in symbols.item(name).nodes if node.prompt]
    return any(condition is symbols.kconf.y for _, condition in prompts)


def _is_value(symbols: Symbols, name: str, settings: Mapping[str, str]) -> bool:
    if name not in settings or name not in symbols:
        return False
    if symbols.kind(name) == CHOICE:
        return settings[name] in symbols.members(name)
    try:
        return symbols.canonical(name, settings[name]) == settings[name]
    except ValueError:
        return False


def _header(record: Any) -> PlanHeader:
    _require(isinstance(record, dict))
    header = PlanHeader.from_json(record)
    _require(all(map(_is_text, (header.kconfig, header.files, header.plan_id))))
    _require(type(header.trials) is type(header.schema) is int and isinstance(header.design, dict))
    _require(_is_list(header.notes, _is_text) and _has_texts(header.settings))
    _require(_is_list(header.axes, lambda a: _is_text(a["symbol"]) and _is_texts(a["values"])))
    _require(_is_list(header.sources, lambda s: type(s["path"]) is type(s["sha256"]) is str))
    _require(_is_list(header.dropped, lambda d: type(d["count"]) is int and _is_text(d["reason"])))
    _require(isinstance(header.counts, dict) and _all_of(header.counts.values(), int))
    _require(isinstance(header.controls, dict) and all(map(_is_texts, header.controls.values())))
    return header


def _trial(record: Any) -> Trial:
    _require(isinstance(record, dict))
    trial = Trial.from_json(record)
    _require(type(trial.number) is int and all(map(_is_text, (trial.name, trial.id, trial.shape))))
    _require(trial.name.isprintable() and PurePath(trial.name).name == trial.name not in ("", ".."))
    _require(_has_texts(trial.config) and _has_texts(trial.swept))
    return trial


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError("not the record of a plan")


def _is_list(value: Any, is_item: Any) -> bool:
    """Return whether a value is a list of such items; an item that lacks a key is not."""
    try:
        return isinstance(value, list) and all(map(is_item, value))
    except (KeyError, TypeError):
        return False


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and _all_of(value, str)


def _has_texts(value: Any) -> bool:
    return isinstance(value, dict) and _all_of(value.values(), str)


def _all_of(values: Iterable[Any], kind: type) -> bool:
    return set(map(type, values)) <= {kind}


def _is_text(value: Any) -> bool:
    """Return whether a value is text that can be written: half of a character cannot."""
    return isinstance(value, str) and value.encode("utf-8", "replace").decode() == value
