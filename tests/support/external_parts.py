"""The components and symbols of trees outside, and the tests of a contract that are about them."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest

from espalier.core.trees.tree_layout import ROOMS, fragments
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols


@functools.cache
def external_names(trees: Sequence[Path]) -> Collection[str]:
    """Names of the components of the trees, and of the symbols that their files define."""
    stems = {
        path.stem for top in trees for room in ROOMS.values() for path in fragments(top / room)
    }
    symbols = Symbols(tree.parse())
    files = {name: symbols.item(name).nodes[0].filename for name in symbols.prompted}
    return stems | {name for name, file in files.items() if Path(file).is_absolute()}


def is_about(item: pytest.Item, trees: tuple[Path, ...]) -> bool:
    """Whether a test is one of a tree's own, or has a component or symbol of one as a value."""
    if any(item.path.is_relative_to(top) for top in trees):
        return True
    callspec = getattr(item, "callspec", None)
    values = callspec.params.values() if callspec else ()
    return not external_names(trees).isdisjoint(text for value in values for text in _texts(value))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for text in value.values() if isinstance(text, str))
