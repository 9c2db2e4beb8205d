"""A hash of functions and classes by what they do, the same in every process of a Python version.

It goes over compiled code, so that no comment and no line number counts, and over all that this
code reads: defaults, closures, the globals that it names, the classes that it derives from. What
lies in a module of the user's is what its file holds, as that is imported again elsewhere. What
belongs to Python or to an installed package stands for itself by its name: results record versions.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from espalier.core.file_digest import file_sha256
from espalier.core.paths import LIBRARY

_PLAIN = (type(None), type(...), bool, int, float, complex, str)
_WHOLE = (tuple, frozenset, CodeType)
"""What holds nothing that leads back to it, but through something else."""
_OF_EVERY_CLASS = {
    *("__module__", "__dict__", "__weakref__", "__doc__", "__annotations__", "__qualname__"),
    *("__firstlineno__", "__static_attributes__", "__abstractmethods__", "_abc_impl", "__slots__"),
}
"""Attributes of a class that say nothing of what it does."""
_EMPTY = CellType()
_READING = {"LOAD_GLOBAL", "LOAD_NAME"}
_INSTALLED = (Path(sysconfig.get_path("stdlib")).resolve(), LIBRARY)
_PACKAGES = {"site-packages", "dist-packages"}
"""What folders of installed packages are called, of whichever environment."""


@dataclass(frozen=True)
class CodeTrace:
    """A digest of code, 16 hex digits, and the files that it is in, with the hash of each."""

    digest: str
    files: Mapping[str, str]


def trace(item: object) -> CodeTrace:
    """Return the digest of a function, a class, or whatever they hold, and their files.

    Raises what pickling raises for an object that cannot be taken apart, and OSError.
    """
    walk = _Walk()
    return CodeTrace(walk.of(item)[:16], walk.files)


def is_own(module_name: str | None) -> bool:
    """Return whether a module is the user's, and of no installed package."""
    module = sys.modules.get(module_name or "")
    if module is None or module.__name__ == "__main__":
        return True
    file = getattr(module, "__file__", None)
    if file is None:
        return getattr(module, "__spec__", None) is None  # made while running
    return is_own_file(Path(file))


def is_own_file(path: Path) -> bool:
    """Return whether a file is the user's, and of no installed package."""
    real = path.resolve()
    inside = any(real.is_relative_to(folder) for folder in _INSTALLED)
    return not inside and not _PACKAGES.intersection(real.parts)


class _Walk:
    """One walk over an object and all that it leads to, each part once."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._alive: list[object] = []  # so that no id is used twice
        self.files: dict[str, str] = {}  # the hash of each file of the user's by its path

    def of(self, item: object) -> str:
        """Return the hash of a part; of one that was met before, of its number."""
        if isinstance(item, bytes):
            return hashlib.sha256(item).hexdigest()
        if isinstance(item, _PLAIN):
            return _hash(f"{type(item).__name__} {item!r}")
        if id(item) in self._numbers:
            return _hash(f"again {self._numbers[id(item)]}")
        if not isinstance(item, _WHOLE):
            self._numbers[id(item)] = len(self._numbers)
        self._alive.append(item)
        return _hash(f"{type(item).__qualname__} {' '.join(self._parts(item))}")

    def _parts(self, item: Any) -> Iterator[str]:  # noqa: C901  # a case a kind
        match item:
            case tuple() | list():
                yield from map(self.of, item)
            case set() | frozenset():
                yield from sorted(map(self.of, item))
            case Mapping():
                for key, value in item.items():
                    yield from (self.of(key), self.of(value))
            case CodeType():
                yield from self._of_code(item)
            case ModuleType():
                yield from self._of_module(item)
            case FunctionType() if not _is_importable(item):
                yield from self._of_function(item)
            case type() if not _is_importable(item):
                yield from self._of_class(item)
            case staticmethod() | classmethod() | MethodType():
                yield from map(self.of, (item.__func__, getattr(item, "__self__", None)))
            case property():
                yield from map(self.of, (item.fget, item.fset, item.fdel))
            case functools.partial():
                yield from map(self.of, (item.func, item.args, item.keywords))
            case _:
                yield from self._of_other(item)

    def _of_module(self, module: ModuleType) -> Iterator[str]:
        """Yield a module's name; of an own one its text and the own ones that it uses too."""
        yield module.__name__
        if not is_own(module.__name__):
            return
        if file := getattr(module, "__file__", None):
            path = Path(file).absolute()
            self.files[str(path)] = file_sha256(path)
            yield self.files[str(path)]
        for value in list(vars(module).values()):
            other = _module_of(value)
            if other is not None and other is not module and is_own(other.__name__):
                yield self.of(other)

    def _of_code(self, code: CodeType) -> Iterator[str]:
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        yield from map(self.of, (code.co_name, code.co_code, counts, names, code.co_consts))

    def _of_function(self, function: FunctionType) -> Iterator[str]:
        yield from map(self.of, (function.__code__, function.__defaults__, function.__kwdefaults__))
        for cell in function.__closure__ or ():
            if cell != _EMPTY:  # of a variable that has no value yet
                yield self.of(cell.cell_contents)
        space = function.__globals__
        for name in sorted(_names(function.__code__)):
            if name in space:
                yield from (name, self.of(space[name]))

    def _of_class(self, kind: type) -> Iterator[str]:
        yield self.of(kind.__bases__)
        for name, value in sorted(vars(kind).items()):
            if name not in _OF_EVERY_CLASS:
                yield from (name, self.of(value))

    def _of_other(self, item: Any) -> Iterator[str]:
        """Yield what stands for an object: its name if it has one, else how it is made anew."""
        names = [getattr(item, name, None) for name in ("__module__", "__qualname__")]
        if not all(isinstance(name, str) for name in names):
            made = _taken_apart(item)
            parts = [made] if isinstance(made, str) else made
            yield from (self.of(list(x) if isinstance(x, Iterator) else x) for x in parts)
            return
        yield ".".join(map(str, names))
        module = _module_of(item)
        if hasattr(item, "__wrapped__"):  # by functools.cache
            yield self.of(item.__wrapped__)
        elif module is not None and is_own(module.__name__):
            yield self.of(module)


def _taken_apart(item: Any) -> Any:
    """Return what an object is made of: as it is pickled, but for tensors, whose pickles differ."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(item, torch.Tensor):
        return item.__reduce_ex__(4)
    values = item.detach().cpu().contiguous().flatten().view(torch.uint8)
    return str(item.dtype), tuple(item.shape), values.numpy().tobytes()


def _is_importable(item: Any) -> bool:
    """Return whether another process has a function or class by its name alone."""
    place: Any = sys.modules.get(item.__module__ or "")
    if item.__module__ == "__main__":
        return False
    for name in item.__qualname__.split("."):
        place = getattr(place, name, None)
    return place is item


def _module_of(value: object) -> ModuleType | None:
    if isinstance(value, ModuleType):
        return value
    name = getattr(value, "__module__", None)
    return sys.modules.get(name) if isinstance(name, str) else None


def _names(code: CodeType) -> set[str]:
    """Return the names of globals that code reads, and the code of functions within it."""
    own = {each.argval for each in dis.get_instructions(code) if each.opname in _READING}
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return own.union(*map(_names, inner))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
