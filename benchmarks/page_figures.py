"""What was measured comes into the pages from the records of the benchmarks, and is checked there.

    python benchmarks/page_figures.py [--check]

A measured number stands between two comments, which no viewer shows. The first names a record and
one of its figures:

    <!-- sparse_training[rigl - static] -->+8.1 +/- 2.4<!-- / -->

A form in braces may follow, `{mean:.2f}, p {p}`; the fields are those of `fields`. A record's own
text, such as a whole table, has its name in the brackets. A conclusion names what it rests on:

    <!-- rests on sparse_training[rigl - static] higher; sparse_training[set - rigl] lower -->

`higher` and `lower` need a p below 0.05 after Holm over the comparison's family, `no difference`
any other. What was set and not measured is marked `<!-- set -->5 %<!-- / -->`.
Without --check the pages are written anew. The exit code is 1 if a page is not as it should be.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import records
from measuring import Record, shown

from espalier.analysis.confidence import Interval
from espalier.analysis.multiple_tests import holm, interval_p, paired_p
from espalier.core.paths import ROOT

PAGES = ("docs/growth.md",)
"""The pages that are covered. docs/benchmarks.md is written as a whole, by collect.py."""
ALPHA = 0.05
SET = "set"  # a mark of what was not measured
SET_COLUMNS = ("criterion",)  # of a table: what was aimed at
PLAIN, SIGNED = "{mean:.1f} +/- {half_width:.1f}", "{mean:+.1f} +/- {half_width:.1f}"
INNER = r"(?:(?!-->).)+?"
MARK = re.compile(
    rf"<!-- (?P<name>[\w.]+)(?:\[(?P<what>[^\]\n]+)\])?(?: (?P<form>{INNER}))? -->"
    r"(?P<text>(?:(?!<!--).)*?)<!-- / -->",
    re.DOTALL,
)
RESTS = re.compile(rf"<!-- rests on (?P<claims>{INNER}) -->", re.DOTALL)
CLAIM = re.compile(r"\s*(?P<name>[\w.]+)\[(?P<what>[^\]]+)\]\s+(?P<word>[a-z ]+?)\s*")
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
TYPED = re.compile(r"\d\s*\+/-|\bp\s*[=<]?\s*\d")
WITH_UNIT = re.compile(r"\d ?(?:%|(?:points?|nats|s|ms|us|kB|MB|GB)\b)")
VERDICT = re.compile(r"\b(?:no difference|distinguishable|better than|worse than|beats?)\b")
Records = Mapping[str, Record]


class Mismatch(ValueError):
    """A mark or a conclusion that the records do not bear out."""


class P(float):
    """A p-value, shown without a form as people write it: 0.21, 0.013, 6e-8."""

    def __format__(self, form: str) -> str:
        if form:
            return super().__format__(form)
        if self >= 0.995:
            return "1"
        text = f"{float(self):.2f}" if self >= 0.1 else f"{float(self):.{1 + (self >= 0.001)}g}"
        return re.sub(r"e-0*", "e-", text)


class Measured(float):
    """A number, shown without a form with the digits that count."""

    def __format__(self, form: str) -> str:
        return super().__format__(form) if form else shown(self)


@dataclass(frozen=True)
class Finding:
    """What is wrong at a place of a page."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def fields(every: Records, name: str, what: str | None) -> dict[str, object]:
    """Return what a form may name, of a figure or text, and of its record. Raises: Mismatch."""
    record = _record(every, name)
    made: dict[str, object] = {"commit": record["code"]["commit"][:7], "date": record["when"][:10]}
    if what is None:
        return made
    if what in record.get("texts", {}):
        return {**made, "text": record["texts"][what]}
    figure = _figure(record, what)
    numbers = {"median": figure.get("value"), **dict(zip(("min", "max"), figure.get("spread", ())))}
    numbers |= {key: figure.get(key) for key in ("mean", "half_width")}
    made |= {key: Measured(value) for key, value in numbers.items() if value is not None}
    return {**made, "n": figure["n"], "p": P(corrected(record, figure))} | _family(record, figure)


def _record(every: Records, name: str) -> Record:
    if name not in every:
        raise Mismatch(f"there is no record {name!r}")
    return every[name]


def _figure(record: Record, what: str) -> Record:
    for figure in record["figures"]:
        if figure["what"] == what:
            return dict(figure)
    raise Mismatch(f"the record {record['name']!r} has no figure {what!r}")


def _family(record: Record, figure: Record) -> dict[str, object]:
    return {"family": len(_peers(record, figure))} if figure.get("family") else {}


def _peers(record: Record, figure: Record) -> list[Record]:
    """The comparisons that are decided with one, it included."""
    peers = [f for f in record["figures"] if f.get("family") == figure["family"]]
    return peers + [{}] * (record.get("families", {}).get(figure["family"], 0) - len(peers))


def corrected(record: Record, figure: Record) -> float:
    """Return p of a comparison after Holm over its family; 1 for what is no comparison.

    That which was published counts where a record has no values to compute it from.
    """
    if "p" in figure or not figure.get("family"):
        return float(figure.get("p", 1))
    peers = [f for f in _peers(record, figure) if f]
    p_values = holm([_own_p(f) for f in peers], len(_peers(record, figure)))
    return p_values[[f["what"] for f in peers].index(figure["what"])]


def _own_p(figure: Record) -> float:
    if figure.get("values"):
        return paired_p(figure["values"])
    return interval_p(Interval(figure["mean"], figure["n"], figure["half_width"]))


def filled(every: Records, mark: re.Match[str]) -> str:
    """Return what stands between the comments of a mark by the records. Raises: Mismatch."""
    if mark["name"] == SET:
        return mark["text"]
    values = fields(every, mark["name"], mark["what"])
    form = mark["form"] or _usual_form(every, mark, values)
    try:
        return form.format_map(values)
    except (KeyError, ValueError, TypeError) as error:
        raise Mismatch(f"the form {form!r} does not suit {mark['what'] or mark['name']!r}: {error}")


def _usual_form(every: Records, mark: re.Match[str], values: Mapping[str, object]) -> str:
    if "text" in values:
        return "\n{text}\n"
    if mark["what"] is None:
        raise Mismatch(f"the mark of {mark['name']!r} names neither a figure nor a form")
    figure = _figure(every[mark["name"]], mark["what"])
    return SIGNED if figure.get("family") or figure["unit"] == "points" else PLAIN


def judge(every: Records, claims: str) -> Iterator[str]:
    """Yield what is not so of claims that a conclusion rests on, separated by semicolons."""
    for text in claims.split(";"):
        claim = CLAIM.fullmatch(text)
        if claim is None:
            yield f"{text.strip()!r} is no claim: write record[comparison] higher"
            continue
        try:
            word = outcome(every, claim["name"], claim["what"])
        except Mismatch as error:
            yield str(error)
            continue
        if word != claim["word"]:
            yield f"the conclusion says {claim['word']}, the record {word}: {claim['what']}"


def outcome(every: Records, name: str, what: str) -> str:
    """Return `higher`, `lower` or `no difference` for a comparison. Raises: Mismatch."""
    record = _record(every, name)
    figure = _figure(record, what)
    if not figure.get("family"):
        raise Mismatch(f"{what!r} of {name!r} is no comparison of a family")
    if corrected(record, figure) >= ALPHA or abs(figure["mean"]) <= (figure["half_width"] or 0):
        return "no difference"
    return "higher" if figure["mean"] > 0 else "lower"


def examine(page: str, text: str, every: Records) -> tuple[str, list[Finding]]:
    """Return a page as the records have it, and what is wrong with it as it stands."""
    wrong: list[Finding] = []

    def note(match: re.Match[str], what: str) -> None:
        wrong.append(Finding(page, text.count("\n", 0, match.start()) + 1, what))

    def renew(mark: re.Match[str]) -> str:
        try:
            right = filled(every, mark)
        except Mismatch as error:
            note(mark, str(error))
            return mark[0]
        if right != mark["text"]:
            note(mark, f"the page says {_cut(mark['text'])}, the record {_cut(right)}")
        start, end = mark.start("text") - mark.start(), mark.end("text") - mark.start()
        return mark[0][:start] + right + mark[0][end:]

    for match in RESTS.finditer(text):
        for what in judge(every, match["claims"]):
            note(match, what)
    new = MARK.sub(renew, text)
    return new, sorted([*wrong, *unmarked(page, text)], key=lambda finding: finding.line)


def _cut(text: str) -> str:
    words = " ".join(text.split())
    return repr(words if len(words) <= 60 else f"{words[:57]}...")


def unmarked(page: str, text: str) -> Iterator[Finding]:
    """Yield the numbers that look measured, the verdicts and the comments that have no mark."""
    plain = _blank(CODE, _blank(RESTS, _blank(MARK, text)))
    for number, line in enumerate(plain.splitlines(), 1):
        if match := TYPED.search(line):
            yield Finding(page, number, f"a number was typed: {line[match.start() :][:40]!r}")
        if "<!--" in line:
            yield Finding(page, number, f"this is no mark: {line[line.index('<!--') :][:60]!r}")
    lines = list(zip(text.splitlines(), plain.splitlines(), strict=True))
    numbered = [(number, *pair) for number, pair in enumerate(lines, 1)]
    for is_table, rows in groupby(numbered, lambda row: row[2].startswith("|")):
        yield from _typed_cells(page, list(rows)) if is_table else ()


def _blank(pattern: re.Pattern[str], text: str) -> str:
    """Take out what matches, and keep the lines."""
    return pattern.sub(lambda match: "\n" * match[0].count("\n"), text)


def _typed_cells(page: str, rows: Sequence[tuple[int, str, str]]) -> Iterator[Finding]:
    """Yield typed numbers of a table: those with units, and all of a table that has marks."""
    measured = any(mark["name"] != SET for _, raw, _ in rows for mark in MARK.finditer(raw))
    head, *body = [(number, raw, plain.strip("|").split("|")) for number, raw, plain in rows]
    free = {0} | {at for at, title in enumerate(head[2]) if title.strip() in SET_COLUMNS}
    for number, raw, cells in body:
        for at, cell in enumerate(cells):
            if at not in free and (re.search(r"\d", cell) if measured else WITH_UNIT.search(cell)):
                yield Finding(page, number, f"a number was typed: {cell.strip()[:60]!r}")
        if VERDICT.search(" ".join(cells)) and not RESTS.search(raw):
            yield Finding(page, number, "the row has a verdict and does not say what it rests on")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args()
    every, wrong = records.by_name(), list[Finding]()
    for page in PAGES:
        path = ROOT / page
        text = path.read_text(encoding="utf-8")
        new, findings = examine(page, text, every)
        if not args.check and new != text:
            path.write_text(new, encoding="utf-8")
            findings = examine(page, new, every)[1]
        wrong += findings
    print("".join(f"{finding}\n" for finding in wrong), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
