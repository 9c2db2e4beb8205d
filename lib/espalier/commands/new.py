"""`new`: write the two files of a component of one's own, and a test."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from espalier.commands.options.option_types import OneOf, make_option
from espalier.core import component
from espalier.core.errors import UserError
from espalier.core.paths import INSTALLED
from espalier.core.texts.program_name import MAKE
from espalier.core.trees import own_trees
from espalier.core.trees.own_trees import VARIABLE


@click.command()
@make_option(
    "KIND", "--kind", type=OneOf([*component.ALL_KINDS]), required=True, help="what it is to be"
)
@make_option("NAME", "--name", required=True, help="what it is called: small letters, digits and _")
def command(kind: str, name: str) -> int:
    """Write the two files of a new component, and a test that passes.

    They go to the tree that EXTERNAL names, or without one into the harness. What is written
    works, and is there to be changed.
    """
    from espalier.commands.starters.starter_files import starter_files

    tree = _tree()
    files = starter_files(kind, name, tree)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print("\n".join(f"Wrote {path}" for path in files))
    given = f" {VARIABLE}={shlex.quote(str(tree))}" if tree else ""
    print(f"next: CONFIG_{component.ALL_KINDS[kind][1]}={name} in a range file chooses it;")
    tries = "check-external" if tree else "check"
    print(f"{MAKE} {tries}{given} tries it")
    return 0


def _tree() -> Path | None:
    """Return the tree to write to, None for the harness. Raises UserError if there are several."""
    trees = own_trees.external()
    if len(trees) > 1:
        named = ":".join(map(str, trees))
        raise UserError(f"{VARIABLE}={named}: a component is written to one tree; name one")
    if INSTALLED and not trees:  # the package is no place to write to
        raise UserError(f"{VARIABLE} names no tree; make a folder for it, and name it")
    return trees[0] if trees else None
