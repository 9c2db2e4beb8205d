"""Whether the trees outside that trials were planned with are given: no file names code to run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from espalier.core import revision
from espalier.core.errors import UserError
from espalier.core.trees.own_trees import VARIABLE


def check_trees(recorded: Sequence[Mapping[str, str]] | None, place: str) -> None:
    """Raise UserError, which begins with `place`, if trees are missing that were `recorded`.

    A tree may have moved or changed: whether the trials still mean the same, Kconfig says.
    """
    if len(recorded or ()) > len(revision.trees() or ()):
        raise UserError(
            f"{place}: was planned with a tree outside, and a file does not say what code runs; "
            f"give it again, if you trust what is in it: {external_text(recorded)}"
        )


def external_text(recorded: Sequence[Mapping[str, str]] | None) -> str:
    """Return what gives the `recorded` trees to make again, quoted; empty without any."""
    paths = ":".join(tree.get("path", "") for tree in recorded or ())
    return f"{VARIABLE}={shlex.quote(paths)}" if paths else ""
