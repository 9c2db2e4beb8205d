"""Check the Kconfig tree against the code.

A finding is a symbol that no code reads, a component without a fragment or the reverse, and a
component that other files know by name. The code is parsed and not imported, so this needs no
torch. Code reads a symbol by its name as a string, or by a dataclass field (`<NAME>_<FIELD>`).
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import kconfiglib
from kconfiglib import Choice, Kconfig, MenuNode, Symbol

from espalier.core import component
from espalier.core.errors import UserError
from espalier.core.paths import LIBRARY
from espalier.core.text_files import read_user_text
from espalier.core.trees import own_trees
from espalier.core.trees.tree_layout import MENUS, OF_PROGRAMS, ROOMS, TESTS
from espalier.kconfig.lint.lint_tree import Item, name, place

_SYMBOL = re.compile(r"[A-Z][A-Z0-9_]*")
_SWITCHES = re.compile(r"[A-Z][A-Z0-9_]*_ENABLE_?")
"""The start of the names of several switches, as in `f"{SPARSITY_ENABLE}_{percent}"`."""
_SELECTS = re.compile(r"\b[A-Z][A-Z0-9]*_SELECT_([A-Z0-9_]+)\b")
_LOOKED_AT = (ast.Constant, ast.ClassDef, ast.Compare, ast.MatchValue)
_Nodes: TypeAlias = Sequence[ast.AST]


@dataclass
class _Code:
    """The strings of the Python files that look like symbols, and their fields by file stem."""

    strings: set[str] = field(default_factory=set)
    fields: dict[str, set[str]] = field(default_factory=dict)


def findings(kconf: Kconfig, root: Path) -> Iterator[str]:
    """Yield `file:line: what is wrong` for the tree and the code of the checkout `root`."""
    modules = {path: _nodes_in(path) for path in _files(root, "*.py")}
    yield from _unread(kconf, _read(modules))
    yield from _unpaired_files(root)
    yield from _comparisons_with_names(root, modules)
    yield from _members_named_elsewhere(root)


def _files(root: Path, pattern: str) -> list[Path]:
    own = [root] if root == LIBRARY else [root / "lib", root / "models"]
    outside = [room for tree in own_trees.external() for room in _rooms(tree)]
    paths = {path for folder in [*own, *outside] for path in folder.rglob(pattern)}
    return sorted(path for path in paths if root / TESTS not in path.parents)


def _rooms(tree: Path) -> list[Path]:
    return [tree / room for room in ROOMS.values()]


def _nodes_in(path: Path) -> _Nodes:
    """Return the nodes of a Python file. Raises UserError, with file and line, if it is none."""
    try:
        return _parsed(read_user_text(path))
    except SyntaxError as error:
        place = f"{path}:{error.lineno or 1}"  # of null bytes there is no line
        raise UserError(f"{place}: {error.msg}; correct the Python file") from None


@functools.lru_cache(maxsize=2048)  # few files of a tree differ from those of another
def _parsed(text: str) -> _Nodes:
    """Return the nodes of a file that any check looks at."""
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, _LOOKED_AT)]


def _read(modules: Mapping[Path, _Nodes]) -> _Code:
    code = _Code()
    for path, nodes in modules.items():
        owned = code.fields.setdefault(path.stem.upper(), set())
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                code.strings |= {node.value} if _SYMBOL.fullmatch(node.value) else set()
            elif isinstance(node, ast.ClassDef):
                owned |= {f.target.id.upper() for f in node.body if _is_field(f)}  # type: ignore
    return code


def _is_field(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)


def _unread(kconf: Kconfig, code: _Code) -> Iterator[str]:
    """Yield the symbols that no code reads. Without a prompt, another symbol may read them."""
    referenced = {item for node in kconf.node_iter() for item in _conditions(node)}
    families = tuple(text for text in code.strings if _SWITCHES.fullmatch(text))
    for item in [*kconf.unique_defined_syms, *kconf.unique_choices]:
        parts = [item, *item.syms] if isinstance(item, Choice) else [item]
        names = [str(part.name) for part in parts]
        is_read = any(_is_read(text, code) or text.startswith(families) for text in names)
        is_helper = item in referenced and not any(node.prompt for node in item.nodes)
        is_member = isinstance(item, Symbol) and item.choice is not None
        if not is_read and not is_helper and not is_member and not _is_of_programs(item):
            yield f"{place(item.nodes[0])}: {name(item)} is read by nothing"


def _is_of_programs(item: Item) -> bool:
    """Return whether a tree outside has it for programs, which no Python file need read."""
    depends = {part.name for part in kconfiglib.expr_items(item.direct_dep)}
    return OF_PROGRAMS in depends and all(Path(node.filename).is_absolute() for node in item.nodes)


def _conditions(node: MenuNode) -> Iterable[Item]:
    """Return what a node refers to, without itself and the choice that it is a member of."""
    return set(node.referenced) - {node.item, getattr(node.item, "choice", None)}


def _is_read(symbol: str, code: _Code) -> bool:
    if symbol in code.strings:
        return True
    inner = set().union(*code.fields.values())
    for stem, fields in code.fields.items():
        rest = symbol.removeprefix(f"{stem}_")
        if rest != symbol and (rest in fields or _is_nested(rest, fields, inner)):
            return True
    return False


def _is_nested(rest: str, fields: set[str], inner: set[str]) -> bool:
    """Return whether `rest` is a field of a group that is itself one of `fields`."""
    groups = (f"{name}_" for name in fields)
    return any(rest.removeprefix(group) in inner for group in groups if rest.startswith(group))


def _unpaired_files(root: Path) -> Iterator[str]:
    """Yield components without a fragment and fragments without a component.

    The base class of several components is none.
    """
    for package, base in _folders(root):
        classes = {path: list(_classes(path)) for path in sorted(package.rglob("*.py"))}
        bases = {name for nodes in classes.values() for node in nodes for name in _bases(node)}
        for path, nodes in classes.items():
            own = [node for node in nodes if base in _bases(node) and node.name not in bases]
            if own and not path.with_suffix(".Kconfig").is_file():
                where = f"{_shown(root, path)}:{own[0].lineno}"
                yield f"{where}: this {base} has no Kconfig fragment beside it"
        for path in sorted(package.rglob("*.Kconfig")):
            if not path.with_suffix(".py").is_file():
                yield f"{_shown(root, path)}:1: this fragment has no Python file beside it"


def _folders(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folder of each kind of component and the name of its base class."""
    library = root if root == LIBRARY else root / "lib" / "espalier"
    for kind, (package, _) in component.ALL_KINDS.items():
        outside = [tree / package for tree in own_trees.external()]
        for folder in (library / package, *outside):
            yield folder, kind.title().replace("_", "")


def _classes(path: Path) -> Iterator[ast.ClassDef]:
    return (node for node in _nodes_in(path) if isinstance(node, ast.ClassDef))


def _bases(node: ast.ClassDef) -> set[str]:
    """Return the names of a class's bases, without type parameters."""
    return {ast.unparse(base).partition("[")[0] for base in node.bases}


def _comparisons_with_names(root: Path, modules: Mapping[Path, _Nodes]) -> Iterator[str]:
    """Yield comparisons with the name of a component: such a branch belongs into the component."""
    components = {item for kind in component.KINDS for item in component.names(kind)}
    for path, nodes in modules.items():
        for node in nodes:
            for item in _compared_texts(node) & (components - {path.stem}):
                yield f"{_shown(root, path)}:{node.lineno}: compares with component {item!r}"  # type: ignore[attr-defined]


def _compared_texts(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
    elif isinstance(node, ast.MatchValue):
        sides = [node.value]
    else:
        return set()
    texts = [inner.value for side in sides for inner in ast.walk(side) if _is_text(inner)]  # type: ignore[attr-defined]
    return set(texts)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _members_named_elsewhere(root: Path) -> Iterator[str]:
    """Yield members of the choices of components that files other than the component's name."""
    menus = [path for tree in (root, *own_trees.external()) if (path := tree / MENUS).is_file()]
    for path in [*_files(root, "*.py"), *_files(root, "*Kconfig"), *menus]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            for member in set(_SELECTS.findall(line)) - {path.stem.upper()}:
                yield f"{_shown(root, path)}:{number}: names component {member.lower()!r}"


def _shown(root: Path, path: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
