"""The Kconfig tree checked against itself and the code."""

from __future__ import annotations

from pathlib import Path

from espalier.kconfig import lint_code, lint_tree, tree


def findings(root: Path) -> list[str]:
    """`file:line: what is wrong`, sorted, for the checkout `root`."""
    kconf = tree.parse(root)
    return sorted({*lint_tree.findings(kconf), *lint_code.findings(kconf, root)})
