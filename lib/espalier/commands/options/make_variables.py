"""The variables that were given to make: what its target has no use for is an error.

make hands over the names of the variables of its command line. A misspelt name would otherwise be
ignored without a word.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import click

from espalier.core.errors import UserError, UserErrors

GOAL, GIVEN = "MAKE_GOAL", "MAKE_VARIABLES"
"""The variables of the environment that hold make's target and the names."""
SET = "SET"
"""The variable with values of symbols."""
ANYWHERE = {"V", "PYTHON", "KCONFIG_CONFIG", "EXTERNAL", "GOAL"}
"""Variables that may stand beside every target."""
VERBS_OF = {
    "all": ("train",),
    "sweep": ("sweep-generate", "sweep-run"),
    "sweep-parallel": ("sweep-generate", "sweep-run"),
}
"""The verbs of a target that is not the name of its only one, in their order."""

LEFT_OUT = {"sweep": {"DIR"}, "sweep-parallel": {"DIR"}}
"""Variables of its verbs that a target does not have: what it runs is what it has planned."""


def check_variables(verb: str, load: Callable[[str], click.Command]) -> None:
    """Raise UserErrors if make was given variables that its target has no use for.

    `load` returns the command of a verb. The first verb of a target checks for all of them. Nothing
    is checked if make did not call the verb, or called it for a target of another name.
    """
    goal = os.environ.get(GOAL, "")
    verbs = VERBS_OF.get(goal, (goal,))
    if verb != verbs[0]:
        return
    left = [name for name in os.environ.get(GIVEN, "").split() if name not in ANYWHERE]
    taken: list[str] = []
    for each in verbs:
        if left:  # to load a command takes time
            taken += sorted(variables(load(each)) - LEFT_OUT.get(goal, set()))
            left = [name for name in left if name not in taken]
    if left:
        raise UserErrors([_unused(name, goal, taken) for name in left])


def variables(command: click.Command) -> set[str]:
    """Return the variables that a command has: of its options, and those its arguments are."""
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    texts = [param.envvar for param in command.params] + [item.metavar for item in arguments]
    return {str(text).strip("[].") for text in texts if text}


def _unused(name: str, goal: str, taken: Sequence[str]) -> UserError:
    import difflib  # for a message alone

    near = difflib.get_close_matches(name.upper(), taken, 1)
    fix = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted({*taken})) or 'none'}"
    if not near and SET in taken:
        fix += f'; a symbol is set by {SET}="{name}=<values>"'
    return UserError(f"{name}: is no variable of `make {goal}`; {fix}")
