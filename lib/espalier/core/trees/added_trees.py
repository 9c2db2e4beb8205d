"""Trees that are used for a while, beside those that the user names: made of Python objects."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from espalier.core import revision
from espalier.core.trees import own_trees
from espalier.core.trees.own_trees import VARIABLE
from espalier.core.trees.tree_layout import ROOMS


@contextmanager
def added(trees: Sequence[Path]) -> Iterator[None]:
    """Add trees to those of this process, and of all that it starts, within this block.

    Raises UserError if a name of theirs stands already.
    """
    before = os.environ.get(VARIABLE, "")
    own_trees.use(":".join([before, *map(str, trees)]))
    _forget(())
    try:
        yield
    finally:
        own_trees.use(before)
        _forget(trees)


def _forget(trees: Sequence[Path]) -> None:
    """Forget what was read of trees: the hash of the code, and the modules that lie in `trees`."""
    revision.code.cache_clear()
    revision.sources.cache_clear()
    for name, module in list(sys.modules.items()):
        path = Path(getattr(module, "__file__", None) or "/")
        if any(path.is_relative_to(tree) for tree in trees):
            del sys.modules[name]
    for room in ROOMS.values():
        _search_anew(room)


def _search_anew(room: str) -> None:
    """Let Python look for the modules of a room in the trees of now, if it was imported before."""
    package = sys.modules.get(f"espalier.{room.replace('/', '.')}")
    if package is not None:
        own = package.__path__[0]
        package.__path__ = [own, *own_trees.search_path(room)]
