"""The commands of a page of the documentation, run in the order in which they stand there.

A page is followed in a copy of the checkout, so that no plan, result or file of this one is
touched. Its environment is a stand-in that calls the Python which runs this.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sweeping

from espalier.core.paths import ROOT

BLOCK = re.compile(
    r"^```bash\n(?P<commands>.*?)^```\n(?:\n?<!-- \w[\w.]*\[(?P<name>[^\]]+)\] -->\n)?",
    re.MULTILINE | re.DOTALL,
)
"""A block of commands and, where a text of a record follows it at once, the name of that text."""
CLONE = "git clone"
OF_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # of a make that runs this
COPIED = ("Kconfig", "Makefile", "lib", "models", "defconfigs", "scripts", "requirements")
STAND_IN = """#!/bin/sh
export PYTHONPATH="{root}/lib"
exec "{python}" "$@"
"""


@dataclass(frozen=True)
class Block:
    """Commands of a page, for bash, and what a record calls that which they print (or nothing)."""

    commands: str
    shown_as: str = ""

    @property
    def of_shell(self) -> bool:
        """Whether it is to be run, and not how a reader gets the checkout."""
        return not self.commands.startswith(CLONE)


@dataclass(frozen=True)
class Said:
    """A block that was run: its exit code and all that it printed."""

    block: Block
    code: int
    text: str


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page's text, in their order."""
    return [Block(match["commands"], match["name"] or "") for match in BLOCK.finditer(page)]


def copy_checkout(place: Path) -> Path:
    """Copy what a reader of a page has after the first command into a new folder; return it."""
    place.mkdir(parents=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place / name, symlinks=True)
        else:
            shutil.copy(ROOT / name, place)
    _stand_in(place)
    return place


def _stand_in(place: Path) -> None:
    """Give a copy an environment that `scripts/bootstrap` takes for complete."""
    (place / ".venv" / "bin").mkdir(parents=True)
    for path in (ROOT / "requirements").glob("*.txt"):
        shutil.copy(path, place / ".venv")
    python = place / ".venv" / "bin" / "python"
    python.write_text(STAND_IN.format(root=place, python=sys.executable), encoding="utf-8")
    python.chmod(0o755)


def follow(
    place: Path, steps: Sequence[Block], changed: Callable[[str], str] = str
) -> Iterator[Said]:
    """Run blocks in a copy of the checkout and yield what each came to; `changed` edits each.

    A block ends with the first of its commands that fails, and the others are run all the same.
    """
    environment = {
        name: value for name, value in sweeping.calm_environment().items() if name not in OF_MAKE
    }
    for block in steps:
        if block.of_shell:
            done = _bash(place, changed(block.commands), {**environment, "OMP_NUM_THREADS": "1"})
            yield Said(block, done.returncode, done.stdout)


def _bash(
    place: Path, commands: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-e", "-c", commands],
        cwd=place,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
