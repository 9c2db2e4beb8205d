"""The trees that tests of plans use: the small one, and the real one."""

from __future__ import annotations

import pytest
import toy

from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols


@pytest.fixture(scope="module")
def symbols(tmp_path_factory: pytest.TempPathFactory) -> Symbols:
    """The small tree; what a test sets in it stays set for its module."""
    return toy.symbols(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def real() -> Symbols:
    """The tree of the harness; what a test sets in it stays set for its module."""
    return Symbols(tree.parse())
