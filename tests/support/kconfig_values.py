"""Effective configurations of the project's own Kconfig tree."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from espalier.kconfig import assign
from espalier.kconfig.symbols import Symbols
from espalier.kconfig.tree import parse


@functools.cache
def symbols() -> Symbols:
    """Return the symbols of the tree, parsed once; who sets values unsets what was set before."""
    return Symbols(parse())


def assigned(values: Mapping[str, str]) -> Symbols:
    """Return the symbols with `values` set and all else at its default."""
    tree = symbols()
    tree.kconf.unset_values()
    for _ in range(2):  # a later value may be what makes an earlier one visible
        for name, value in values.items():
            assign.put(tree, name, value)
    return tree


def effective(values: Mapping[str, str]) -> dict[str, str]:
    """Return the effective configuration under `values`, those of them that take."""
    tree = assigned(values)
    return assign.effective_config(tree, tree.identity)
