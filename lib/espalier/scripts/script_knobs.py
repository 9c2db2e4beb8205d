"""CONFIG_SCRIPT_KNOBS: symbols of a command, which are in no Kconfig file.

They are a generated tree, so the text is read before the tree is parsed: from range files as they
are planned, and from the settings of a plan or store that is read again.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.trees import own_trees
from espalier.core.trees.generated_tree import Knob, write_tree
from espalier.core.trees.tree_layout import OF_PROGRAMS
from espalier.kconfig import range_file, values
from espalier.kconfig.line_faults import Faults
from espalier.kconfig.range_file import Setting

KNOBS = "SCRIPT_KNOBS"
_INTEGER = re.compile(r"[+-]?[0-9]+")
_SWITCHES = {"y": True, "n": False}


def use_of_files(paths: Sequence[Path], over: Sequence[Setting] = ()) -> None:
    """Use the knobs that range files have, or the settings `over` that go before them.

    What is wrong with a line is said where the files are read. Raises UserError for wrong knobs.
    """
    faults = Faults()
    lines = [line for path in paths for line in range_file.read_lines(path, faults)]
    texts = [line for line in [*lines, *over] if line.symbol == KNOBS]
    if not texts:
        own_trees.use_knobs(None)
        return
    try:
        use(texts[-1].values[0])
    except UserError as error:
        raise UserError(f"{texts[-1].place}: {error}") from None


def use_of_settings(settings: Mapping[str, str]) -> None:
    """Use the knobs that a plan or a store was made with. Raises UserError."""
    use(settings.get(KNOBS, ""))


def use(text: str) -> None:
    """Make the knobs of a text symbols of this process. Raises UserError."""
    own_trees.use_knobs(write_tree(parse(text), guard=OF_PROGRAMS) if text.strip() else None)


def parse(text: str) -> list[Knob]:
    """Return the knobs of `name=default name=default`. Raises UserError."""
    try:
        words = shlex.split(text)
    except ValueError:
        raise UserError(f"CONFIG_{KNOBS}={text}: a quote is not closed; close it") from None
    return [_knob(word) for word in words]


def _knob(word: str) -> Knob:
    name, equals, default = word.partition("=")
    if not equals:
        rule = "must be name=default, with blanks between knobs"
        raise UserError(f"CONFIG_{KNOBS}: {word}: {rule}; give it a default")
    return Knob(name.removeprefix("CONFIG_"), _typed(default))


def _typed(text: str) -> int | float | str | bool:
    if text in _SWITCHES:
        return _SWITCHES[text]
    try:
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(values.canonical("float", text))
    except ValueError:
        return text
