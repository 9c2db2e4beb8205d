"""Find components by their files, and build them from the configuration of a trial.

A component is a Python file `<kind folder>/<name>.py` with a Kconfig fragment beside it, in our
tree or in one outside of it (`core/trees/own_trees.py`). The file
defines one `kconfig_dataclass` derived from the base class of its kind. Each of its fields is a
Kconfig symbol, `<NAME>_<FIELD>` unless `symbol()` names another. To add a component is to add these
two files.
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
from espalier.core.trees import own_trees
from espalier.core.trees.tree_layout import ROOMS, fragments
from espalier.core.trial_config import Config

T = TypeVar("T")

KINDS = {  # kind -> (package under espalier, the Kconfig choice that selects it)
    "model": (ROOMS["model"], "MODEL"),
    "dataset": (ROOMS["dataset"], "DATASET"),
    "optimizer": (ROOMS["optimizer"], "OPTIMIZER"),
    "lr_schedule": (ROOMS["lr_schedule"], "LR_SCHEDULE"),
    "method": (ROOMS["method"], "PRUNING_METHOD"),
}
"""The kinds that a trial is built of."""

SWEEP_KINDS = {"sampler": (ROOMS["sampler"], "SAMPLER")}
"""The kinds that act on a sweep and are part of no trial."""

ALL_KINDS = {**KINDS, **SWEEP_KINDS}


def symbol(name: str) -> Any:
    """Return a dataclass field that reads the symbol `name` instead of `<NAME>_<FIELD>`."""
    return dataclasses.field(metadata={"symbol": name})


def names(kind: str) -> list[str]:
    """Return the names of the components of `kind`, sorted; this imports none of them."""
    return sorted(_modules(kind))


def _modules(kind: str) -> dict[str, str]:
    """Return the modules of `kind` that have a fragment beside them, by the component's name."""
    package, _ = ALL_KINDS[kind]
    base = package.split("/")
    return {
        path.stem: ".".join(["espalier", *base, *path.relative_to(room).with_suffix("").parts])
        for room in own_trees.rooms(package)
        for path in fragments(room)
    }


def find(kind: str, name: str, base: type[T]) -> type[T]:
    """Return the class of the component `name`: the one subclass of `base` in its module.

    Raises UserError, with the nearest name, if there is no such component.
    """
    modules = _modules(kind)
    if name not in modules:
        near = difflib.get_close_matches(name, sorted(modules), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UserError(f"no {kind} {name!r}: {hint}known: {', '.join(sorted(modules))}")
    return _only_subclass(importlib.import_module(modules[name]), base)


def _only_subclass(module: ModuleType, base: type[T]) -> type[T]:
    classes = [
        item
        for _, item in inspect.getmembers(module, inspect.isclass)
        if issubclass(item, base) and item.__module__ == module.__name__
    ]
    if len(classes) != 1:
        where = f"{module.__file__}: must define one {base.__name__}"
        raise UserError(f"{where}, and has {len(classes)}; see docs/components.md")
    return classes[0]


def build(cls: type[T], config: Config, prefix: str) -> T:
    """Return an instance of the dataclass `cls` with every field read from `config`.

    A field whose type is a dataclass, a group, is built from the symbols of its own fields. A field
    of type `X | None` is None where Kconfig hides its symbol, or every symbol of its group.
    """
    types = hints(cls)
    values = {}
    for item in dataclasses.fields(cls):  # type: ignore[arg-type]
        values[item.name] = _value(config, symbol_of(item, prefix), types[item.name])
    return cls(**values)


hints: Callable[[Any], dict[str, Any]] = functools.cache(get_type_hints)
"""Return the type of each field of a dataclass; to evaluate them anew each time is slow."""


def _value(config: Config, name: str, hint: Any) -> Any:
    kind = without_none(hint)
    if kind is not hint and not any(part in config for part in symbols(kind, name)):
        return None
    return build(kind, config, name) if is_group(kind) else read(config, name, kind)


def symbols(hint: Any, name: str) -> list[str]:
    """Return the symbols that a field of type `hint` reads: `name`, or those of its group."""
    kind = without_none(hint)
    if not is_group(kind):
        return [name]
    types = hints(kind)
    fields = dataclasses.fields(kind)
    return [part for f in fields for part in symbols(types[f.name], symbol_of(f, name))]


def needed_symbols(hint: Any, name: str) -> list[str]:
    """Return those of `symbols` that a trial must have for a field of type `hint` to be built."""
    if not is_group(hint):
        return [name]
    types = hints(hint)
    return [
        part
        for f in dataclasses.fields(hint)
        if without_none(types[f.name]) is types[f.name]
        for part in needed_symbols(types[f.name], symbol_of(f, name))
    ]


def without_none(hint: Any) -> Any:
    """Return `X` for the type `X | None`, and any other type as it is."""
    parts = get_args(hint)
    return parts[1 - parts.index(NoneType)] if NoneType in parts else hint


def is_group(kind: Any) -> bool:
    """Return whether a field of this type is a group: a nested dataclass of symbols."""
    inner = without_none(kind)
    return isinstance(inner, type) and dataclasses.is_dataclass(inner)


def symbol_of(item: dataclasses.Field[Any], prefix: str) -> str:
    """Return the Kconfig symbol, without `CONFIG_`, that a field reads."""
    return str(item.metadata.get("symbol", f"{prefix}_{item.name.upper()}"))


def read(config: Config, name: str, kind: Any) -> Any:
    """Return the value of `name` as `kind`: a plain type, or a Literal of a choice's members."""
    if get_origin(kind) is not Literal:
        return config.read(name, kind)
    value = config.read(name, str)
    if value not in get_args(kind):
        raise ValueError(f"CONFIG_{name}={value!r}: must be one of {', '.join(get_args(kind))}")
    return value


def select(kind: str, config: Config, base: type[T]) -> T:
    """Return the component of `kind` that `config` selects, built from `config`."""
    name = config.read(ALL_KINDS[kind][1], str)
    return build(find(kind, name, base), config, name.upper())
