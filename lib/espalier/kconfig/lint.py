"""`make lint`, the part that compilers cannot do: the Kconfig tree against itself and the code."""

from __future__ import annotations

import sys
from pathlib import Path

from espalier.errors import UserError
from espalier.kconfig import lint_code, lint_tree, tree
from espalier.paths import ROOT


def main(argv: list[str]) -> int:
    """Print a line for each finding; the exit code is 1 if there is one."""
    if argv:
        raise UserError(f"lint takes no argument, got {argv[0]!r}")
    found = findings(ROOT)
    for line in found:
        print(line, file=sys.stderr)
    print(f"Kconfig lint: {len(found)} finding{'s' * (len(found) != 1)}")
    return 1 if found else 0


def findings(root: Path) -> list[str]:
    """`file:line: what is wrong`, sorted, for the checkout `root`."""
    kconf = tree.parse(root)
    return sorted({*lint_tree.findings(kconf), *lint_code.findings(kconf, root)})
