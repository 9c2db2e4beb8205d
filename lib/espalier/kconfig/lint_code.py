"""Findings that need the code: symbols that nothing reads, components that are known by name.

The code is parsed, not imported, so this needs no torch. What counts as reading a symbol is its
name as a string, or a dataclass field of a component (`<NAME>_<FIELD>`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kconfiglib import Choice, Kconfig, MenuNode, Symbol

from espalier.core import component
from espalier.kconfig.lint_tree import Item, name, place

_SYMBOL = re.compile(r"[A-Z][A-Z0-9_]*")
_SWITCHES = re.compile(r"[A-Z][A-Z0-9_]*_ENABLE_?")
"""The common start of a family of switches, as in `f"{SPARSITY_ENABLE}_{percent}"`."""
_SELECTS = re.compile(r"\b[A-Z][A-Z0-9]*_SELECT_([A-Z0-9_]+)\b")


@dataclass
class _Code:
    """What the Python files say: names as strings, and dataclass fields by file stem."""

    strings: set[str] = field(default_factory=set)
    fields: dict[str, set[str]] = field(default_factory=dict)


def findings(kconf: Kconfig, root: Path) -> Iterator[str]:
    """`file:line: what is wrong`, for the tree and the code of the checkout `root`."""
    modules = {path: ast.parse(path.read_text()) for path in _files(root, "*.py")}
    yield from _unread(kconf, _read(modules))
    yield from _lonely_components(root)
    yield from _branches_on_names(root, modules)
    yield from _selected_elsewhere(root)


def _files(root: Path, pattern: str) -> list[Path]:
    return sorted([*(root / "lib").rglob(pattern), *(root / "models").rglob(pattern)])


def _read(modules: dict[Path, ast.Module]) -> _Code:
    code = _Code()
    for path, module in modules.items():
        owned = code.fields.setdefault(path.stem.upper(), set())
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                code.strings |= {node.value} if _SYMBOL.fullmatch(node.value) else set()
            elif isinstance(node, ast.ClassDef):
                owned |= {f.target.id.upper() for f in node.body if _is_field(f)}  # type: ignore
    return code


def _is_field(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)


def _unread(kconf: Kconfig, code: _Code) -> Iterator[str]:
    """Symbols that no code reads; for one that no user can set, another symbol may do it."""
    referenced = {item for node in kconf.node_iter() for item in _conditions(node)}
    families = tuple(text for text in code.strings if _SWITCHES.fullmatch(text))
    for item in [*kconf.unique_defined_syms, *kconf.unique_choices]:
        parts = [item, *item.syms] if isinstance(item, Choice) else [item]
        names = [str(part.name) for part in parts]
        is_read = any(_is_read(text, code) or text.startswith(families) for text in names)
        is_helper = item in referenced and not any(node.prompt for node in item.nodes)
        is_member = isinstance(item, Symbol) and item.choice is not None
        if not is_read and not is_helper and not is_member:
            yield f"{place(item.nodes[0])}: {name(item)} is read by nothing"


def _conditions(node: MenuNode) -> Iterable[Item]:
    """What a node refers to, without itself and the choice that it is a member of."""
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
    """Whether `rest` is a field of a group of symbols that is itself one of `fields`."""
    groups = (f"{name}_" for name in fields)
    return any(rest.removeprefix(group) in inner for group in groups if rest.startswith(group))


def _lonely_components(root: Path) -> Iterator[str]:
    """Components without a fragment and fragments without a component; bases are neither."""
    for package, base in _folders(root):
        classes = {path: list(_classes(path)) for path in sorted(package.rglob("*.py"))}
        bases = {name for found in classes.values() for node in found for name in _bases(node)}
        for path, found in classes.items():
            own = [node for node in found if base in _bases(node) and node.name not in bases]
            if own and not path.with_suffix(".Kconfig").is_file():
                where = f"{_shown(root, path)}:{own[0].lineno}"
                yield f"{where}: this {base} has no Kconfig fragment beside it"
        for path in sorted(package.rglob("*.Kconfig")):
            if not path.with_suffix(".py").is_file():
                yield f"{_shown(root, path)}:1: this fragment has no Python file beside it"


def _folders(root: Path) -> Iterator[tuple[Path, str]]:
    """The folder of each kind of component and the name of its base class."""
    for kind, (package, _) in component.KINDS.items():
        yield root / "lib" / "espalier" / package, kind.title().replace("_", "")


def _classes(path: Path) -> Iterator[ast.ClassDef]:
    return (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ClassDef))


def _bases(node: ast.ClassDef) -> set[str]:
    """Return the names of a class's bases, without type parameters."""
    return {ast.unparse(base).partition("[")[0] for base in node.bases}


def _branches_on_names(root: Path, modules: dict[Path, ast.Module]) -> Iterator[str]:
    """Comparisons with a component's name: the branch belongs into the component."""
    known = {item for kind in component.KINDS for item in component.names(kind)}
    for path, module in modules.items():
        for node in ast.walk(module):
            for found in _compared(node) & (known - {path.stem}):
                yield f"{_shown(root, path)}:{node.lineno}: compares with component {found!r}"  # type: ignore[attr-defined]


def _compared(node: ast.AST) -> set[str]:
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


def _selected_elsewhere(root: Path) -> Iterator[str]:
    """Members of component choices, outside the component's own files."""
    for path in [*_files(root, "*.py"), *_files(root, "*Kconfig"), root / "Kconfig"]:
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            for found in set(_SELECTS.findall(line)) - {path.stem.upper()}:
                yield f"{_shown(root, path)}:{number}: names component {found.lower()!r}"


def _shown(root: Path, path: Path) -> str:
    return str(path.relative_to(root))
