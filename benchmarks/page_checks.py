"""The marks of a page, and what should have one: numbers that look measured, and verdicts.

In prose those are numbers with an interval, and p-values. In a table they are numbers with a unit,
and all digits if any cell of it is from a record; its first column and columns of goals are free.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

UNRECORDED = ("set", "tested")  # marks of what was chosen, and of what a test of the suite holds
GOALS = ("criterion",)  # titles of columns
INNER = r"(?:(?!-->).)+?"  # of a comment
MARK = re.compile(
    rf"<!-- (?P<name>[\w.]+)(?:\[(?P<what>[^\]\n]+)\])?(?: (?P<form>{INNER}))? -->"
    r"(?P<text>(?:(?!<!--).)*?)<!-- / -->",
    re.DOTALL,
)
RESTS = re.compile(rf"<!-- rests on\s(?P<claims>{INNER}) -->", re.DOTALL)
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`|(?<=\n\n)(?: {4}[^\n]*\n)+", re.DOTALL | re.MULTILINE)
CITED = re.compile(r"[A-Z]\w+(?: et al\.| and [A-Z]\w+)? (?:19|20)\d\d\b")
AT_START = re.compile(
    rf"^<!-- (?:rests on\s{INNER} -->(?!\n*\Z|\n\n)|(?!rests|/){INNER} -->(?!\n))", re.M | re.S
)
"""A comment in front of text, or within a paragraph: Markdown would end the paragraph there."""
PASSAGE = re.compile(r"^\|.*$|^(?:(?!\|).+\n?)+", re.MULTILINE)  # a row, or a paragraph
MEASURED = re.compile(r"\d\s*\+/-|\bp\s*[=<]?\s*\d")
WITH_UNIT = re.compile(r"\+/-|\d ?(?:%|(?:points?|nats|s|ms|us|kB|MB|GB)\b)")
VERDICT = re.compile(
    r"\b(?:no\s+difference\s+(?:was\s+)?found|distinguishable"
    r"|(?:was|were)\s+(?:better|worse)\s+than)\b"
)
Row = tuple[int, str, str]
"""The number of a line, its text, and the same without marks."""


@dataclass(frozen=True)
class Finding:
    """What is wrong at a place of a page."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def unmarked(page: str, text: str) -> Iterator[Finding]:
    """Yield the numbers that look measured, the verdicts and the comments that are no marks."""
    yield from _verdicts(page, text)
    for match in AT_START.finditer(text):
        yield Finding(page, line_of(match), "a mark begins the line: Markdown ends the paragraph")
    plain = _without(text, MARK, RESTS, CODE, CITED)
    lines = zip(text.split("\n"), plain.split("\n"), strict=True)
    numbered = [(number, *pair) for number, pair in enumerate(lines, 1)]
    for number, _, line in numbered:
        if "<!--" in line:
            yield Finding(page, number, f"this is no mark: {cut(line[line.index('<!--') :])}")
    for is_table, group in groupby(numbered, lambda row: row[2].startswith("|")):
        rows = list(group)
        yield from _typed_cells(page, rows) if is_table else _typed(page, rows)


def _verdicts(page: str, text: str) -> Iterator[Finding]:
    """Yield the rows and the paragraphs with a verdict that does not say what it rests on."""
    for passage in PASSAGE.finditer(_without(text, MARK, CODE, CITED)):
        verdict = VERDICT.search(_without(passage[0], RESTS))
        if verdict and not RESTS.search(passage[0]):
            yield Finding(
                page, line_of(passage), f"{cut(verdict[0])} does not say what it rests on"
            )


def _typed(page: str, rows: Iterable[Row]) -> Iterator[Finding]:
    for number, _, line in rows:
        if match := MEASURED.search(line):
            yield Finding(page, number, f"a number was typed: {cut(line[match.start() :])}")


def _typed_cells(page: str, rows: Sequence[Row]) -> Iterator[Finding]:
    marks = (mark for _, raw, _ in rows for mark in MARK.finditer(raw))
    recorded = any(mark["name"] not in UNRECORDED for mark in marks)
    pattern = re.compile(r"\d") if recorded else WITH_UNIT
    head, *body = [(number, plain.strip("|").split("|")) for number, _, plain in rows]
    free = {0} | {at for at, title in enumerate(head[1]) if title.strip() in GOALS}
    for number, cells in body:
        for cell in (cell for at, cell in enumerate(cells) if at not in free):
            if pattern.search(cell):
                yield Finding(page, number, f"a number was typed: {cut(cell)}")


def _without(text: str, *patterns: re.Pattern[str]) -> str:
    """Take out what matches, and keep the lines."""
    for pattern in patterns:
        text = pattern.sub(lambda match: "\n" * match[0].count("\n"), text)
    return text


def line_of(match: re.Match[str]) -> int:
    """Return the number of the line in which a match begins, from 1."""
    return match.string.count("\n", 0, match.start()) + 1


def cut(text: str) -> str:
    """Return a text in quotes, short enough for a line."""
    words = " ".join(text.split())
    return repr(words if len(words) <= 60 else f"{words[:57]}...")
