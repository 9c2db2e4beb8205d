"""Dataclasses whose fields are Kconfig symbols, so that Kconfig alone holds their defaults.

A trial's configuration gives each field its value (`component.build`). Code that constructs such a
dataclass directly, such as `SGD(momentum=0.5)`, may leave fields out: these get Kconfig's default.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import MISSING, Field, dataclass, field
from typing import Any, TypeVar, dataclass_transform

from espalier.core import component

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(component.symbol,))
def kconfig_dataclass(cls: type[T]) -> type[T]:
    """Make `cls` a frozen dataclass of Kconfig symbols.

    Its fields are written without a default, except `= None` for a group that may be absent.
    Kconfig is read when an instance is constructed without all of its fields, never on import.
    That raises KeyError if Kconfig has no default for a field that was left out.
    """
    for name in inspect.get_annotations(cls):
        item = cls.__dict__.get(name, field())
        if isinstance(item, Field) and item.default is item.default_factory is MISSING:
            item.default_factory = functools.partial(_default, cls, name)
            setattr(cls, name, item)
    return dataclass(frozen=True)(cls)


def with_defaults(cls: type[T], **given: Any) -> T:
    """Return a `cls` that has Kconfig's defaults, apart from the fields that are `given`.

    The constructor does the same, but to type checkers all of its arguments are required.
    """
    return cls(**given)


def _default(cls: Any, name: str) -> Any:
    kind = component.without_none(component.hints(cls)[name])
    if component.is_group(kind):
        return kind()
    from espalier.kconfig import defaults  # takes 0.1 s, which no trial has to spend

    prefix = cls.__module__.rpartition(".")[2].upper()
    symbol = component.symbol_of(cls.__dataclass_fields__[name], prefix)
    return component.read(defaults.read(), symbol, kind)
