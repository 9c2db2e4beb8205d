"""A cluster that is kept for all sweeps of a command, such as the rounds of a search."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar

Opened = TypeVar("Opened")


class _Kept:
    """Whether anything is kept, and what: the key of it, and what it was opened as."""

    stack: ExitStack | None = None
    key: Hashable = None
    value: Any = None


@contextmanager
def keeping() -> Iterator[None]:
    """Keep what `kept` opens in this block, and close it at its end."""
    if _Kept.stack is not None:
        yield
        return
    with ExitStack() as stack:
        _Kept.stack = stack
        try:
            yield
        finally:
            _Kept.stack = _Kept.key = _Kept.value = None


@contextmanager
def kept(key: Hashable, opened: Callable[[], AbstractContextManager[Opened]]) -> Iterator[Opened]:
    """Yield what is kept under this key, else what `opened` opens; no other stays open beside it.

    Outside of `keeping` it is closed with this block.
    """
    if _Kept.stack is None:
        with opened() as value:
            yield value
        return
    if _Kept.key != key:
        _Kept.key = _Kept.value = None
        _Kept.stack.close()
        _Kept.value = _Kept.stack.enter_context(opened())
        _Kept.key = key
    yield _Kept.value
