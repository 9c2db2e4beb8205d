"""The variables that were given to make: what its target has no use for is an error.

make hands over the names of the variables of its command line. A misspelt name would otherwise be
ignored without a word. Behind a verb, variables may stand as behind a target of make.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Sequence

import click

from espalier.core.errors import UserError, UserErrors
from espalier.core.texts.program_name import MAKE

GOAL, GIVEN = "MAKE_GOAL", "MAKE_VARIABLES"
"""The variables of the environment that hold make's target and the names."""
SET = "SET"
"""The variable with values of symbols."""
VARIABLE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.DOTALL)
HELD_BY_SHELLS = {
    *("DIR", "TRIALS", "STATUS", "OUT", "FORMAT", "A", "B", "WHERE", "SWEEP", "JSON"),
    *("SET", "NAME", "NOTE", "TAGS", "Q", "TOP", "WAIT", "KIND", "STYLE", "BY"),
    *("X", "Y", "TITLE", "LABELS", "SIZE", "DPI", "SCRIPT", "ALLOW"),
}
"""Variables that many shells hold for ends of their own, as some do the machine's name in NAME.

What the environment has under such a name is ours only where make was given it.
"""
ANYWHERE = {"V", "PYTHON", "KCONFIG_CONFIG", "EXTERNAL", "GOAL"}
"""Variables that may stand beside every target."""
VERBS_OF = {
    "all": ("train",),
    "sweep": ("sweep-generate", "sweep-run"),
    "sweep-parallel": ("sweep-generate", "sweep-run"),
}
"""The verbs of a target that is not the name of its only one, in their order."""

UNSEEN = {"randconfig": {"KCONFIG_SEED"}}
"""Variables of a target that no option of its verb has."""

LEFT_OUT = {"sweep": {"DIR"}, "sweep-parallel": {"DIR"}}
"""Variables of its verbs that a target does not have: what it runs is what it has planned."""


def check_variables(verb: str, load: Callable[[str], click.Command]) -> None:
    """Raise UserErrors if make was given variables that its target has no use for.

    `load` returns the command of a verb. The first verb of a target checks for all of them. Nothing
    is checked if make did not call the verb, or called it for a target of another name.
    """
    goal = os.environ.get(GOAL, "")
    verbs = VERBS_OF.get(goal, (goal,))
    if verb not in (goal, verbs[0]):
        return
    taken: list[str] = sorted(UNSEEN.get(goal, set()))
    left = [name for name in _given() if name not in {*ANYWHERE, *taken}]
    for each in verbs:
        if left:  # to load a command takes time
            taken += sorted(variables(load(each)) - LEFT_OUT.get(goal, set()))
            left = [name for name in left if name not in taken]
    if left:
        raise UserErrors([_unused(name, goal, taken) for name in left])


def is_ours(name: str) -> bool:
    """Return whether what the environment has under the name of a variable is meant for us."""
    return name not in HELD_BY_SHELLS or is_given(name)


def is_given(name: str) -> bool:
    """Return whether make's command line has a variable."""
    return name in _given()


def _given() -> list[str]:
    """Return the names of the variables of make's command line."""
    return os.environ.get(GIVEN, "").split()


def take_variables(
    verb: str, command: click.Command, words: Sequence[str], alone: bool
) -> list[str]:
    """Put the variables among the words behind a verb into the environment; return the others.

    A variable that stands for an argument of the command is handed on as that. With `alone` those
    that the environment held before do not count, as many names of ours are anybody's.
    """
    rest, given = _split(command, words)
    arguments = [_name(item) for item in _arguments(command)]
    for name in arguments:
        rest += [given[name]] if name in given else []
    if alone:
        for name in variables(command) - given.keys():
            os.environ.pop(name, None)
    if alone or given:
        os.environ.update(given)
        os.environ |= {GOAL: verb, GIVEN: " ".join(given)}
    return rest


def _split(command: click.Command, words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the words that are no variables, and the variables. An option keeps its value.

    Behind a verb whose own arguments are assignments every word is its own.
    """
    if any("=" in str(item.metavar) for item in _arguments(command)):
        return list(words), {}
    options = [item for item in command.params if isinstance(item, click.Option)]
    valued = {name for item in options if not item.is_flag for name in item.opts}
    rest: list[str] = []
    given: dict[str, str] = {}
    left = iter(words)
    for word in left:
        if match := VARIABLE.fullmatch(word):
            given[match[1]] = match[2]
        elif word == "--":
            rest += [word, *left]
        else:
            rest += [word, *itertools.islice(left, word in valued)]
    return rest, given


def variables(command: click.Command) -> set[str]:
    """Return the variables that a command has: of its options, and those its arguments are."""
    names = {str(param.envvar) for param in command.params if param.envvar}
    return names | {_name(item) for item in _arguments(command) if item.metavar}


def _arguments(command: click.Command) -> list[click.Argument]:
    return [param for param in command.params if isinstance(param, click.Argument)]


def _name(argument: click.Argument) -> str:
    """Return the variable that an argument of a command is."""
    return str(argument.metavar).strip("[].")


def _unused(name: str, goal: str, taken: Sequence[str]) -> UserError:
    import difflib  # for a message alone

    near = difflib.get_close_matches(name.upper(), taken, 1)
    fix = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted({*taken})) or 'none'}"
    if not near and SET in taken:
        fix += f'; a symbol is set by {SET}="{name}=<values>"'
    return UserError(f"{name}: is no variable of `{MAKE} {goal}`; {fix}")
