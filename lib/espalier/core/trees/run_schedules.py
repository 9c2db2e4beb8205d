"""The schedules of a run: each `RunSchedule` in a file whose name ends in `_schedule.py`.

A schedule concerns the trials that have all of its symbols.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from espalier.core import component
from espalier.core.run_length import RunSchedule
from espalier.core.trees import own_trees
from espalier.core.trees.tree_syntax import check_syntax
from espalier.core.trial_config import Config


class _Rule(NamedTuple):
    """A kind of schedule, the symbols that it needs, and those that it reads where they are."""

    kind: type[RunSchedule]
    needed: frozenset[str]
    read: tuple[str, ...]


def schedules_of(config: Mapping[str, str]) -> Iterator[RunSchedule]:
    """Yield the schedules that concern a configuration."""
    for rule in _rules():
        if rule.needed <= config.keys():
            yield _built(rule, tuple(config.get(name) for name in rule.read))


def moments_of(config: Mapping[str, str]) -> list[str]:
    """Return the symbols that say when something happens in the run of a configuration."""
    kinds = [rule.kind for rule in _rules() if rule.needed <= config.keys()]
    return [
        component.symbol_of(field, "")
        for kind in kinds
        for field in dataclasses.fields(kind)  # type: ignore[arg-type]
        if field.name in kind.moments and component.symbol_of(field, "") in config
    ]


def deciding_symbols() -> frozenset[str]:
    """Return the symbols by whose presence a schedule concerns a run, of all schedules."""
    return frozenset().union(*(rule.needed for rule in _rules()))


@functools.cache
def _rules() -> list[_Rule]:
    """Return a rule for each schedule of the library and of the trees outside. Raises UserError."""
    check_syntax()
    return [rule for name in own_trees.modules("*_schedule.py") for rule in _rules_of(name)]


def _rules_of(module: str) -> list[_Rule]:
    kinds = inspect.getmembers(importlib.import_module(module), inspect.isclass)
    return [
        _rule(kind)
        for _, kind in kinds
        if issubclass(kind, RunSchedule) and kind.__module__ == module
    ]


def _rule(kind: type[RunSchedule]) -> _Rule:
    read = component.symbols(kind, "")
    return _Rule(kind, frozenset(component.needed_symbols(kind, "")), tuple(read))


@functools.lru_cache(maxsize=4096)
def _built(rule: _Rule, values: tuple[str | None, ...]) -> RunSchedule:
    pairs = zip(rule.read, values, strict=True)
    config = Config({name: value for name, value in pairs if value is not None})
    return component.build(rule.kind, config, "")
