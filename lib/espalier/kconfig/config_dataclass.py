"""Frozen dataclasses whose fields are Kconfig symbols.

    @kconfig_dataclass
    class SGD(Optimizer):
        momentum: float  # CONFIG_SGD_MOMENTUM
        nesterov: bool  # CONFIG_SGD_NESTEROV

Defaults stand in Kconfig alone. In a trial, `component.build` gives each field the value that the
trial's configuration has. Elsewhere, as in a test or a notebook, `SGD(momentum=0.5)` may leave
fields out: these get the default of their symbol.
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

    Write its fields without defaults, except `= None` for a group that may be absent. The Kconfig
    tree is parsed when an instance is first constructed with fields left out, never on import. The
    constructor raises KeyError if a field was left out whose symbol has no default.
    """
    for name in inspect.get_annotations(cls):
        item = cls.__dict__.get(name, field())
        if isinstance(item, Field) and item.default is item.default_factory is MISSING:
            item.default_factory = functools.partial(_default, cls, name)
            setattr(cls, name, item)
    return dataclass(frozen=True)(cls)


def with_defaults(cls: type[T], **given: Any) -> T:
    """Return a `cls` with Kconfig's defaults for all fields that are not `given`.

    This is `cls(**given)` for type checkers, which believe that a constructor needs every field.
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
