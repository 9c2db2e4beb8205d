"""`--external DIR[:DIR]`, which may stand anywhere on the command line, or EXTERNAL: own trees."""

from __future__ import annotations

import os
from collections.abc import Sequence

from espalier.core.errors import UserError
from espalier.core.trees import own_trees

OPTION = "--external"
HELP = (
    f"`{OPTION} DIR[:DIR]`, which may stand behind the verb too, or {own_trees.VARIABLE}=DIR[:DIR]"
    " names folders with components of your own."
)


def take_external(args: Sequence[str]) -> list[str]:
    """Use the trees that the command line names, else those of EXTERNAL; return the other words.

    `EXTERNAL=` means none. This comes before all else, since the trees say which components there
    are. Raises UserError.
    """
    left, named, words = [], [], iter(args)
    for word in words:
        if word == OPTION:
            named.append(_given(next(words, "")))
        elif word.startswith(f"{OPTION}="):
            named.append(_given(word.partition("=")[2]))
        elif word.startswith(f"{own_trees.VARIABLE}="):
            named.append(word.partition("=")[2])
        else:
            left.append(word)
    own_trees.use(":".join(named) if named else os.environ.get(own_trees.VARIABLE, ""))
    return left


def _given(text: str) -> str:
    if not text or text.startswith("--"):
        raise UserError(f"{OPTION}={text}: must be folders with colons between")
    return text
