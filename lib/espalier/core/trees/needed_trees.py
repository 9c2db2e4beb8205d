"""Whether the trees outside that something was made with are given: no file names code to run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from espalier.core import component
from espalier.core.errors import UserError
from espalier.core.trees.own_trees import VARIABLE, external, named
from espalier.core.trees.tree_syntax import check_syntax

_COMMENT = re.compile(rf"^# Trees outside: {VARIABLE}=(.+)\n", re.MULTILINE)


def check_trees(recorded: Sequence[Mapping[str, str]] | None, place: str) -> None:
    """Raise UserError, which begins with `place`, if trees are missing that were `recorded`.

    So it does if a file of those that are given is no Python. A tree may have moved or changed:
    whether the trials still mean the same, Kconfig says.
    """
    if len(recorded or ()) > len(named()):
        raise UserError(
            f"{place}: was made with a tree outside, and a file does not say what code runs; "
            f"give it again, if you trust what is in it: {external_text(recorded)}"
        )
    check_syntax()


def check_components(
    config: Mapping[str, str],
    kinds: Iterable[str],
    recorded: Sequence[Mapping[str, str]] | None,
    place: str,
) -> None:
    """Raise what `check_trees` does if `config` chooses a component of `kinds` that is not here."""
    for kind in kinds:
        if config.get(component.KINDS[kind][1]) not in component.names(kind):
            check_trees(recorded, place)
    check_syntax()


def external_text(recorded: Sequence[Mapping[str, str]] | None) -> str:
    """Return what gives the `recorded` trees to make again, quoted; empty without any."""
    paths = ":".join(tree.get("path", "") for tree in recorded or ())
    return f"{VARIABLE}={shlex.quote(paths)}" if paths else ""


def trees_comment() -> str:
    """Return the line by which a configuration names the trees that are used; empty without any."""
    paths = ":".join(map(str, external()))
    return f"# Trees outside: {VARIABLE}={paths}\n" if paths else ""


def without_comment(text: str) -> str:
    """Return the text of a configuration without the line that names its trees."""
    return _COMMENT.sub("", text)


def check_comment(text: str, place: str) -> None:
    """Raise what `check_trees` does for the trees that the text of a configuration names."""
    match = _COMMENT.search(text)
    check_trees([{"path": path} for path in match[1].split(":")] if match else None, place)
