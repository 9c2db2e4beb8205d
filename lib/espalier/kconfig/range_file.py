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

from espalier.core import text_files
from espalier.core.text_files import split_lines
from espalier.core.trees.needed_trees import check_comment
from espalier.kconfig import number_range
from espalier.kconfig.line_faults import Faults, LineError, Place, shorten

BLANKS = " \t"
PREFIX = "CONFIG_"
_UNSET = re.compile(r"# CONFIG_(\w+) is not set\b")  # any text may follow, as in other readers
_ASSIGNMENT = re.compile(r"CONFIG_(\w+)=(.*)")
_SPACED = re.compile(r"CONFIG_\w+\s*=.*")
_UNPREFIXED = re.compile(r"(?!CONFIG_)(?:config_)?([A-Za-z]\w*)=(\S.*)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PLAIN = re.compile(r'[^"|#]*')
_WORD = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"]|")+')
_ESCAPE = re.compile(r'\\(["\\])')


@dataclass(frozen=True)
class Setting:
    """The assignment of a line: `values` in the order written, with ranges expanded."""

    symbol: str  # without CONFIG_
    values: tuple[str, ...]
    text: str  # the value as written
    place: Place

    def error(self, rule: str, value: str | None = None) -> LineError:
        """Return the error that this line breaks `rule`."""
        shown = shorten(self.text if value is None else value)
        return LineError(self.place, f"CONFIG_{self.symbol}={shown}: {rule}")


def read(path: Path) -> list[Setting]:
    """Return every setting of a file in its order.

    Raises UserError, with every fault, if the file cannot be read or lines are malformed.
    """
    return parse(text_files.read_user_text(path), str(path))


def parse(text: str, path: str) -> list[Setting]:
    """Return the settings of a text, as `read` does of a file; `path` is for the places."""
    faults = Faults()
    settings = parse_lines(text, path, faults)
    faults.check()
    return settings


def assign(symbol: str, text: str, origin: str) -> Setting:
    """Return the setting of a symbol, which an option called `origin` gives. Raises UserError."""
    return parse(f"{PREFIX}{symbol}={text}", origin)[0]


def quote(text: str) -> str:
    """Return a text as a literal of a range file, which nothing splits or takes for a range."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def read_lines(path: Path, faults: Faults) -> list[Setting]:
    """Return the settings of the well-formed lines of a file; the faults of others are collected.

    A file that cannot be read is a fault too, and one of trees outside that are not given.
    """
    text = ""
    with faults.collect():
        text = _text_of_trees(path)
    return parse_lines(text, str(path), faults)


def _text_of_trees(path: Path) -> str:
    """Return the text of a file. Raises UserError if it names trees that are not given."""
    text = text_files.read_user_text(path)
    check_comment(text, str(path))
    return text


def parse_lines(text: str, path: str, faults: Faults) -> list[Setting]:
    """Return the settings of the well-formed lines of a text; `path` is for the places."""
    settings = []
    for number, line in enumerate(split_lines(text), start=1):
        with faults.collect():
            if setting := _line(line.strip(BLANKS), Place(path, number)):
                settings.append(setting)
    return settings


def parse_assignments(text: str, origin: str, faults: Faults) -> list[Setting]:
    """Return the settings of `NAME=value NAME=value`, with or without CONFIG_ before a name.

    Blanks separate them, but for those within quotes. The place of the second one is `origin:2`.
    """
    parts = [part if part.startswith(PREFIX) else PREFIX + part for part in _WORD.findall(text)]
    return parse_lines("\n".join(parts), origin, faults)


def _line(line: str, place: Place) -> Setting | None:
    if unset := _UNSET.match(line):
        return Setting(unset[1], ("n",), "n", place)
    if not line or line.startswith("#"):
        return None
    assignment = _ASSIGNMENT.fullmatch(line)
    if assignment is None or assignment[2][:1].isspace():
        raise LineError(place, f"{shorten(line)}: {_malformed(line)}")
    return _setting(assignment[1], assignment[2], place)


def _malformed(line: str) -> str:
    if _SPACED.fullmatch(line):
        return "no spaces are allowed before or after '='; remove them"
    meant = _UNPREFIXED.fullmatch(line)
    hint = f"; did you mean CONFIG_{meant[1].upper()}={meant[2]}?" if meant else ""
    return f"expected CONFIG_NAME=value, '# CONFIG_NAME is not set' or a comment{hint}"


def _setting(symbol: str, right: str, place: Place) -> Setting:
    try:
        elements, end = _elements(right)
        values: list[str] = []
        for element in elements:
            values += _values(*element)
            number_range.check_count(len(values))
    except ValueError as error:
        shown = shorten(right.strip())
        raise LineError(place, f"CONFIG_{symbol}={shown}: {error}") from None
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
