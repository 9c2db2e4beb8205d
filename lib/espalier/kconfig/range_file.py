"""Read range files, presets, `.config` and `config_NNN`, which have one format.

A line is `CONFIG_X=value`, `# CONFIG_X is not set`, a comment or blank. A value is one or more
elements separated by `|`. An element is text, a `"quoted literal"` that nothing splits, or a range
(see `espalier.kconfig.number_range`). `#` outside of quotes starts a comment. This module reads the
syntax and the places; `espalier.kconfig.requests` checks symbols and values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from espalier.core.errors import UserError
from espalier.kconfig import number_range

_UNSET = re.compile(r"#\s*CONFIG_(\w+) is not set\s*")
_ASSIGNMENT = re.compile(r"CONFIG_(\w+)=(.*)")
_SPACED = re.compile(r"CONFIG_\w+\s*=.*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PLAIN = re.compile(r'[^"|#]*')
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Place:
    """A line of a file."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Setting:
    """The assignment of a line: `values` in the order written, with ranges expanded."""

    symbol: str  # without CONFIG_
    values: tuple[str, ...]
    text: str  # the value as written
    place: Place

    def error(self, rule: str, value: str | None = None) -> UserError:
        """Return the error that this line breaks `rule`."""
        shown = self.text if value is None else value
        return UserError(f"{self.place}: CONFIG_{self.symbol}={shown}: {rule}")


def read(path: Path) -> list[Setting]:
    """Return every setting of a file in its order.

    Raises UserError if the file cannot be read, a line is malformed or a symbol is set twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file in UTF-8") from None
    return parse(text, str(path))


def parse(text: str, path: str) -> list[Setting]:
    """Return the settings of a text, as `read` does of a file; `path` is for the places."""
    first: dict[str, Setting] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        setting = _line(line.strip(), Place(path, number))
        if setting is None:
            continue
        if (before := first.get(setting.symbol)) is not None:
            raise setting.error(f"already set in line {before.place.line}; keep one of the two")
        first[setting.symbol] = setting
    return list(first.values())


def _line(line: str, place: Place) -> Setting | None:
    if unset := _UNSET.fullmatch(line):
        return Setting(unset[1], ("n",), "n", place)
    if not line or line.startswith("#"):
        return None
    assignment = _ASSIGNMENT.fullmatch(line)
    if assignment is None:
        raise UserError(f"{place}: {line}: {_malformed(line)}")
    symbol, right = assignment.groups()
    if right[:1].isspace():
        raise UserError(f"{place}: {line}: {_malformed(line)}")
    return _setting(symbol, right, place)


def _malformed(line: str) -> str:
    if _SPACED.fullmatch(line):
        return "no spaces are allowed before or after '='; remove them"
    return "expected CONFIG_NAME=value, '# CONFIG_NAME is not set' or a comment"


def _setting(symbol: str, right: str, place: Place) -> Setting:
    try:
        elements, end = _elements(right)
        values = [value for element in elements for value in _values(*element)]
    except ValueError as error:
        raise UserError(f"{place}: CONFIG_{symbol}={right.strip()}: {error}") from None
    return Setting(symbol, tuple(values), right[:end].strip(), place)


def _elements(right: str) -> tuple[list[tuple[str, bool]], int]:
    """Return the elements of a right side, each with whether it was quoted, and where they end."""
    elements, position = [], 0
    while True:
        text, quoted, position = _element(right, position)
        elements.append((text, quoted))
        rest = right[position : position + 1]
        if rest != "|":
            break
        position += 1
    if rest not in ("", "#"):
        raise ValueError('a quote belongs around a whole element: "a"|"b"')
    return elements, position


def _element(right: str, position: int) -> tuple[str, bool, int]:
    while right[position : position + 1].isspace():
        position += 1
    quoted = _QUOTED.match(right, position)
    if quoted is None and right[position : position + 1] == '"':
        raise ValueError("the quote is not closed")
    if quoted is None:
        plain = _PLAIN.match(right, position)
        assert plain is not None  # it matches the empty text
        return plain[0].strip(), False, plain.end()
    end = quoted.end()
    while right[end : end + 1].isspace():
        end += 1
    return _ESCAPE.sub(r"\1", quoted[1]), True, end


def _values(text: str, quoted: bool) -> list[str]:
    if quoted:
        return [text]
    if not text:
        raise ValueError('a value is missing; write "" for an empty text')
    return number_range.expand(text) if number_range.is_range(text) else [text]
