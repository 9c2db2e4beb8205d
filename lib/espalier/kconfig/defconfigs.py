"""Find presets and range files: the files of defconfigs/, by name.

A file begins with comment lines that describe it. A preset is what `savedefconfig` writes. A range
file, whose name ends in `-range`, may hold several values for a symbol.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.paths import ROOT
from espalier.core.text_files import read_user_text, split_lines
from espalier.core.texts.program_name import MAKE
from espalier.core.trees import own_trees
from espalier.kconfig.advice import spelling

RANGE_SUFFIX = "-range"
LIST = "list-defconfigs"
"""The target of make that lists them."""


def paths(root: Path = ROOT) -> list[Path]:
    """Return the presets and range files of the checkout `root` and of trees outside, by name."""
    files = [path for folder in own_trees.presets(root) for path in folder.glob("*")]
    files.sort(key=lambda path: path.name)
    return [path for path in files if path.is_file() and not path.name.startswith("Kconfig")]


def presets(root: Path = ROOT) -> list[Path]:
    """Return the files that a configuration can be made from."""
    return [path for path in paths(root) if not path.name.endswith(RANGE_SUFFIX)]


def ranges(root: Path = ROOT) -> list[Path]:
    """Return the files that a sweep can be made from."""
    return [path for path in paths(root) if path.name.endswith(RANGE_SUFFIX)]


def named(name: str, root: Path = ROOT) -> Path | None:
    """Return the preset or range file that is called `name`, if there is one."""
    return next((path for path in paths(root) if path.name == name), None)


def shown(path: Path, root: Path = ROOT) -> Path:
    """Return a path as messages name it: relative to the checkout, if it is inside."""
    return path.relative_to(root) if path.is_relative_to(root) else path


def find(name: str, root: Path = ROOT) -> Path:
    """Return the preset `name`. Raises UserError, with the nearest name, if there is none."""
    if name.endswith(RANGE_SUFFIX) and (path := named(name, root)):
        place = shown(path, root)
        raise UserError(
            f"{place}: is a range file, not one configuration; {MAKE} sweep RANGE_CONFIG={place}"
        )
    by_name = {path.name: path for path in presets(root)}
    if name not in by_name:
        near = spelling.nearest(name, by_name)
        hint = f"did you mean {near}? " if near else ""
        raise UserError(f"no preset {name!r} in defconfigs/: {hint}{MAKE} {LIST} lists them")
    return by_name[name]


def near_range(name: str, root: Path = ROOT) -> str | None:
    """Return the range file whose name `name` is almost, with or without its ending."""
    stems = [path.name.removesuffix(RANGE_SUFFIX) for path in ranges(root)]
    near = spelling.nearest(name.removesuffix(RANGE_SUFFIX), stems)
    return None if near is None else near + RANGE_SUFFIX


def leading_comment(text: str) -> str:
    """Return the comment lines that a configuration file begins with, newlines included.

    `# CONFIG_X is not set` is an assignment, not a comment.
    """
    comments = itertools.takewhile(_is_comment, split_lines(text))
    return "".join(f"{line}\n" for line in comments)


def _is_comment(line: str) -> bool:
    return line.startswith("#") and not line.startswith("# CONFIG_")


def description(path: Path) -> str:
    """Return the first comment line of a preset or range file."""
    return leading_comment(read_user_text(path)).partition("\n")[0].lstrip("# ")


def listing(root: Path = ROOT) -> str:
    """Return a table of presets and range files with their descriptions."""
    width = max((len(path.name) for path in paths(root)), default=0) + len("_defconfig")
    parts = [f"Presets ({MAKE} <name>_defconfig):"]
    parts += [
        f"  {path.name + '_defconfig':<{width}} - {description(path)}" for path in presets(root)
    ]
    parts += ["", f"Range files ({MAKE} sweep RANGE_CONFIG=defconfigs/<name>):"]
    parts += [f"  {path.name:<{width}} - {description(path)}" for path in ranges(root)]
    return "\n".join(parts)
