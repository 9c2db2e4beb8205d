"""Lint the Kconfig tree, by itself and against the code."""

from __future__ import annotations

from pathlib import Path

from espalier.kconfig import tree
from espalier.kconfig.lint import lint_code, lint_tree


def findings(root: Path) -> list[str]:
    """Return `file:line: what is wrong`, sorted, for the checkout `root`."""
    kconf = tree.parse(root)
    return sorted({*lint_tree.findings(kconf), *lint_code.findings(kconf, root)})
