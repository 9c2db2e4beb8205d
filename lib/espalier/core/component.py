"""Components: found because their file is there, built from the trial's configuration.

A component is one Python file `<kind folder>/<name>.py` with one Kconfig fragment beside it. The
file holds exactly one `kconfig_dataclass` derived from its kind's base class; each field is a
Kconfig symbol, `<NAME>_<FIELD>` unless `symbol()` says otherwise. So adding one edits nothing else.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib
import inspect
from collections.abc import Callable
from types import ModuleType, NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from espalier.core.errors import UserError
from espalier.core.paths import LIBRARY
from espalier.core.trial_config import Config

T = TypeVar("T")

KINDS = {  # kind -> (package under espalier, the Kconfig choice that selects it)
    "model": ("models", "MODEL"),
    "dataset": ("datasets", "DATASET"),
    "optimizer": ("optimizers", "OPTIMIZER"),
    "lr_schedule": ("lr_schedules", "LR_SCHEDULE"),
    "method": ("methods", "PRUNING_METHOD"),
}


def symbol(name: str) -> Any:
    """A dataclass field that reads the shared symbol `name` instead of `<NAME>_<FIELD>`."""
    return dataclasses.field(metadata={"symbol": name})


def names(kind: str) -> list[str]:
    """The components of `kind`, sorted, found by their fragments and without importing any."""
    return sorted(_modules(kind))


def _modules(kind: str) -> dict[str, str]:
    """Return the module of each component of `kind`, in its kind's folder or a room of that."""
    package, _ = KINDS[kind]
    folder = LIBRARY / package
    fragments = [*folder.glob("*.Kconfig"), *folder.glob("*/*.Kconfig")]
    paths = {path.stem: path.relative_to(folder).with_suffix("") for path in fragments}
    return {name: ".".join(["espalier", package, *path.parts]) for name, path in paths.items()}


def find(kind: str, name: str, base: type[T]) -> type[T]:
    """The component class `name` of `kind`: the one subclass of `base` its module defines.

    Raises UserError, with the nearest name, if there is none.
    """
    known = names(kind)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UserError(f"no {kind} {name!r}: {hint}known: {', '.join(known)}")
    module = importlib.import_module(_modules(kind)[name])
    return _only_subclass(module, base)


def _only_subclass(module: ModuleType, base: type[T]) -> type[T]:
    found = [
        item
        for _, item in inspect.getmembers(module, inspect.isclass)
        if issubclass(item, base) and item.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} must define one {base.__name__}, found {len(found)}")
    return found[0]


def build(cls: type[T], config: Config, prefix: str) -> T:
    """An instance of dataclass `cls` with every field read from `config`.

    A field whose type is itself a dataclass is built from its own fields' symbols. A field typed
    `X | None` is None where Kconfig hides its symbol (or, of a group, every symbol).
    """
    types = hints(cls)
    values = {}
    for item in dataclasses.fields(cls):  # type: ignore[arg-type]
        values[item.name] = _value(config, symbol_of(item, prefix), types[item.name])
    return cls(**values)


# They are evaluated from text each time.
hints: Callable[[Any], dict[str, Any]] = functools.cache(get_type_hints)


def _value(config: Config, name: str, hint: Any) -> Any:
    kind = without_none(hint)
    if kind is not hint and not any(part in config for part in symbols(kind, name)):
        return None
    return build(kind, config, name) if is_group(kind) else read(config, name, kind)


def symbols(hint: Any, name: str) -> list[str]:
    """The symbols a field of type `hint` reads: its own `name`, or those of its group."""
    kind = without_none(hint)
    if not is_group(kind):
        return [name]
    types = hints(kind)
    fields = dataclasses.fields(kind)
    return [part for f in fields for part in symbols(types[f.name], symbol_of(f, name))]


def without_none(hint: Any) -> Any:
    """`X` for the type `X | None`, any other type as it is."""
    parts = get_args(hint)
    return parts[1 - parts.index(NoneType)] if NoneType in parts else hint


def is_group(kind: Any) -> bool:
    """Whether a field of this type is a nested dataclass of symbols."""
    inner = without_none(kind)
    return isinstance(inner, type) and dataclasses.is_dataclass(inner)


def symbol_of(item: dataclasses.Field[Any], prefix: str) -> str:
    """The Kconfig symbol (no `CONFIG_`) that a field reads."""
    return str(item.metadata.get("symbol", f"{prefix}_{item.name.upper()}"))


def read(config: Config, name: str, kind: Any) -> Any:
    """The value of symbol `name` as `kind`: a plain type, or a Literal of a choice's members."""
    if get_origin(kind) is not Literal:
        return config.read(name, kind)
    value = config.read(name, str)
    if value not in get_args(kind):
        raise ValueError(f"CONFIG_{name}={value!r}: must be one of {', '.join(get_args(kind))}")
    return value


def select(kind: str, config: Config, base: type[T]) -> T:
    """The component of `kind` that the trial's configuration selects, built from it."""
    name = config.read(KINDS[kind][1], str)
    return build(find(kind, name, base), config, name.upper())
