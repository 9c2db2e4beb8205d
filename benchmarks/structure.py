"""Measure how a checkout is built: rooms, names, docstrings and size.

    python benchmarks/structure.py [ROOT ...]

One column a checkout, so that an old one and a new one stand side by side. A room is a folder of
`lib/espalier` that holds modules, or `models/`. Files are parsed and never imported.
"""

from __future__ import annotations

import argparse
import ast
import collections
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

VAGUE = ("found", "one", "told", "asked", "wanted", "known", "most")
"""Names that may stand for any value."""
TRIAL_NOUNS = {
    *("Trial", "Attempt", "Task", "Run", "Result", "Configuration"),  # those that are meant to be
    *("Planned", "Turn", "Member", "Assignment", "Group", "Job", "Pupil", "Trainee"),
    *("Ended", "Ending", "Outcome", "Running"),
}
"""Classes that carry a trial from the plan to the ranking, in any version of the code."""
FILLER = re.compile(
    r"See `[\w.]+`\.|The inverse of `state_dict`\.|What `load_state_dict` needs\.|As `[\w.]+`\."
)
"""Docstrings that say nothing but where else to look."""


class Checkout:
    """The Python files of a checkout, parsed once."""

    def __init__(self, root: Path) -> None:
        """Read `root`; its lib/espalier/models may be a link to its models/."""
        folders = (root / "lib" / "espalier", root / "models")
        self.source = sorted({path.resolve() for top in folders for path in top.rglob("*.py")})
        self.tests = sorted((root / "tests").rglob("*.py"))
        self.texts = {path: path.read_text(encoding="utf-8") for path in self.source + self.tests}
        self.trees = {path: ast.parse(self.texts[path]) for path in self.source}
        self.rooms: dict[Path, list[Path]] = collections.defaultdict(list)
        for path in self.source:
            self.rooms[path.parent].append(path)

    def lines(self, paths: Iterable[Path]) -> int:
        """Count the lines of some files."""
        return sum(len(self.texts[path].splitlines()) for path in paths)

    def public_classes(self) -> Iterator[str]:
        """Yield the name of each class of a module that does not begin with an underscore."""
        for tree in self.trees.values():
            for node in tree.body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    yield node.name

    def docstrings(self) -> Iterator[str]:
        """Yield the docstring of each class and function that has one."""
        for tree in self.trees.values():
            for node in ast.walk(tree):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    yield ast.get_docstring(node) or ""

    def identifiers(self) -> Iterator[str]:
        """Yield each identifier and keyword of source and tests, as often as it stands there."""
        for text in self.texts.values():
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                if token.type == tokenize.NAME:
                    yield token.string


def largest(sizes: dict[Path, int]) -> tuple[str, int]:
    """Return the name of the largest room, and its size."""
    room = max(sizes, key=sizes.__getitem__)
    return room.name, sizes[room]


def biggest_room(checkout: Checkout) -> str:
    """Return the room with the most lines and its share of all lines of source."""
    sizes = {room: checkout.lines(paths) for room, paths in checkout.rooms.items()}
    name, lines = largest(sizes)
    return f"{name} {lines / sum(sizes.values()):.1%}"


def most_modules(checkout: Checkout) -> str:
    """Return the room with the most modules, `__init__` left out, and their number."""
    sizes = {
        room: sum(path.stem != "__init__" for path in paths)
        for room, paths in checkout.rooms.items()
    }
    name, modules = largest(sizes)
    return f"{name} {modules}"


def repeated(names: Iterable[str]) -> str:
    """Return how many different names stand there more than once."""
    return str(sum(count > 1 for count in collections.Counter(names).values()))


def repeated_stems(checkout: Checkout) -> str:
    """Return how many file stems stand in more than one room."""
    return repeated(path.stem for path in checkout.source if not path.stem.startswith("__"))


def repeated_classes(checkout: Checkout) -> str:
    """Return how many names of public classes are defined in more than one module."""
    return repeated(checkout.public_classes())


def vague_identifiers(checkout: Checkout) -> str:
    """Return how often the names of VAGUE are identifiers, together and each."""
    counts = collections.Counter(name for name in checkout.identifiers() if name in VAGUE)
    parts = ", ".join(f"{name} {counts[name]}" for name in VAGUE if counts[name])
    return f"{counts.total()} ({parts})" if parts else "0"


def trial_nouns(checkout: Checkout) -> str:
    """Return how many of TRIAL_NOUNS are classes."""
    return str(len(TRIAL_NOUNS & set(checkout.public_classes())))


def filler_docstrings(checkout: Checkout) -> str:
    """Return how many docstrings are FILLER."""
    return str(sum(FILLER.fullmatch(text) is not None for text in checkout.docstrings()))


def lines_of_code(checkout: Checkout) -> str:
    """Return the lines of source and tests, together and each."""
    source, tests = checkout.lines(checkout.source), checkout.lines(checkout.tests)
    return f"{source + tests:,} ({source:,} + {tests:,})"


MEASURES: dict[str, Callable[[Checkout], str]] = {
    "biggest room, share of lines": biggest_room,
    "most modules in a room": most_modules,
    "file stems in two rooms": repeated_stems,
    "public classes in two modules": repeated_classes,
    "vague identifiers": vague_identifiers,
    "nouns of a trial": trial_nouns,
    "filler docstrings": filler_docstrings,
    "lines (source + tests)": lines_of_code,
}


def main() -> None:
    """Print a line for each measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("roots", nargs="*", type=Path, default=[Path()], help="folders (.)")
    roots = parser.parse_args().roots
    columns = [["", *MEASURES]]
    for checkout in map(Checkout, roots):
        columns.append([measure(checkout) for measure in MEASURES.values()])
    for column, root in zip(columns[1:], roots, strict=True):
        column.insert(0, str(root))
    widths = [max(map(len, column)) for column in columns]
    for cells in zip(*columns, strict=True):
        print("  ".join(map(str.ljust, cells, widths)).rstrip())


if __name__ == "__main__":
    main()
