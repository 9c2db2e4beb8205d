"""Read a query: `PRUNING_METHOD=rigl & val_acc>97`.

    query      := both ("|" both)*
    both       := negated ("&" negated)*
    negated    := "!" negated | "(" query ")" | comparison
    comparison := name ("=" | "!=" | "<" | "<=" | ">" | ">=" | "~") value
    value      := a word, or a text in quotation marks

`==`, `&&` and `||` are read as `=`, `&` and `|`, and `CONFIG_` before a symbol as nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from espalier.analysis.queries.query_tree import (
    ORDERS,
    Both,
    Either,
    Not,
    Query,
    QueryComparison,
    number_in,
)
from espalier.core.errors import UserError
from espalier.core.process.terminal import printable

LONGEST = 1000
"""Characters of a query."""
DEEPEST = 50
"""Parentheses, and signs of negation, within each other."""
AROUND = 40
"""Characters before and behind a place that a message has."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<sign>!=|<=|>=|==|&&|\|\||[=<>~&|!()])|(?P<word>[^\s"'&|!()<>=~]+))""",
    re.DOTALL,
)
_SAME = {"==": "=", "&&": "&", "||": "|"}
_COMPARING = ("=", "!=", *ORDERS, "~")
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_PREFIX = re.compile(r"(CONFIG_)+(?=[A-Za-z_])")
_NAMING = "must name a symbol or a measure, as in PRUNING_METHOD=rigl or val_acc>97"


class QueryError(UserError):
    """A text that is no query: the rule, and the text with `^` at the place."""

    def __init__(self, text: str, place: int, rule: str) -> None:
        """`place` counts characters from 0."""
        self.place, self.rule = place, rule
        before, behind = text[:place], text[place:]
        left = "..." * (len(before) > AROUND) + printable(before[-AROUND:])
        right = printable(behind[:AROUND]) + "..." * (len(behind) > AROUND)
        super().__init__(f"Q, character {place + 1}: {rule}, at ^ in {left}^{right}")


class _Token(NamedTuple):
    """A part of a query: its kind (quoted, sign, word, end), its text and where it begins."""

    kind: str
    text: str
    place: int


def parse_query(text: str) -> Query:
    """Return the query that a text is. Raises QueryError."""
    if len(text) > LONGEST:
        raise QueryError(text, LONGEST, f"must have {LONGEST:,} characters at most")
    return _Parser(text).parse()


class _Parser:
    """The tokens of a text, and how far they are read."""

    def __init__(self, text: str) -> None:
        self._text, self._depth = text, 0
        self._tokens = _tokens(text)
        self._at = 0

    def parse(self) -> Query:
        query = self._either()
        if self._token.kind != "end":
            self._fail("must end here, or go on with & or |")
        return query

    @property
    def _token(self) -> _Token:
        return self._tokens[self._at]

    def _fail(self, rule: str) -> NoReturn:
        raise QueryError(self._text, self._token.place, rule)

    def _take(self, *signs: str) -> str:
        """Return the sign that stands here, and pass it, if it is one of `signs`; else nothing."""
        token = self._token
        if token.kind != "sign" or token.text not in signs:
            return ""
        self._at += 1
        return token.text

    def _either(self) -> Query:
        query = self._both()
        while self._take("|"):
            query = Either(query, self._both())
        return query

    def _both(self) -> Query:
        query = self._negated()
        while self._take("&"):
            query = Both(query, self._negated())
        return query

    def _negated(self) -> Query:
        self._depth += 1
        if self._depth > DEEPEST:
            self._fail(f"must be nested {DEEPEST} deep at most")
        if self._take("!"):
            query: Query = Not(self._negated())
        elif self._take("("):
            query = self._either()
            if not self._take(")"):
                self._fail("must have ) here, or & or |")
        else:
            query = self._comparison()
        self._depth -= 1
        return query

    def _comparison(self) -> QueryComparison:
        name = self._token
        if name.kind != "word" or not _NAME.fullmatch(name.text):
            self._fail(_NAMING)
        self._at += 1
        operator = self._take(*_COMPARING)
        if not operator:
            self._fail(f"must have one of {' '.join(_COMPARING)} after {name.text}")
        value = self._token
        if value.kind not in ("word", "quoted"):
            self._fail(f"must have a value after {operator}, or a text in quotes")
        if operator in ORDERS and value.kind == "word" and number_in(value.text) is None:
            self._fail(f"must be a number after {operator}, or a text in quotes")
        self._at += 1
        quoted = value.kind == "quoted"
        return QueryComparison(_PREFIX.sub("", name.text), operator, value.text, quoted, name.place)


def _tokens(text: str) -> list[_Token]:
    """Return the parts of a text, an `end` last. Raises QueryError for a quote without its end."""
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise QueryError(text, at, f"must have another {text[at]} to end the text")
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, _content(kind, match[kind]), match.start(kind)))
        at = match.end()
    return [*tokens, _Token("end", "", end)]


def _content(kind: str, text: str) -> str:
    if kind == "quoted":
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return _SAME.get(text, text)
