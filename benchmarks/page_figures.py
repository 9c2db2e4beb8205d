"""What was measured comes into the pages from the records of the benchmarks, and is checked there.

    python benchmarks/page_figures.py [--check]

A measured number stands between two comments, which no viewer shows. The first names a record and
one of its figures:

    <!-- sparse_training[rigl - static] -->+8.1 +/- 2.4<!-- / -->

A form in braces may follow, such as `{mean:.2f}, p {p}`; its fields are those of `fields`. A text
of a record, such as a whole table, has its name in the brackets. Conclusions say what they rest on:

    <!-- rests on sparse_training[rigl - static] higher; [set - rigl] no difference -->

`higher` and `lower` need a p below 0.05 after Holm over the comparison's family; `no difference`
is any other. What was chosen and not measured is marked `<!-- set -->5 %<!-- / -->`, what a test of
the suite holds `<!-- tested -->0<!-- / -->`. Numbers and verdicts without a mark: page_checks.py.

Without --check the pages are written anew. The exit code is 1 if a page is not as it should be.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal, localcontext

import records
from measuring import shown
from page_checks import MARK, RESTS, UNRECORDED, Finding, cut, line_of, unmarked
from records import Records, Unsupported

from espalier.analysis.multiple_tests import interval_power
from espalier.core.paths import ROOT

LEFT_OUT = ("docs/benchmarks.md",)
"""Pages that are not covered. That one is written as a whole, by collect.py."""
CLAIM = re.compile(r"\s*(?P<name>[\w.]*)\[(?P<what>[^\]]+)\]\s+(?P<word>[a-z ]+?)\s*")
PLAIN, SIGNED = "{mean:.1f} +/- {half_width:.1f}", "{mean:+.1f} +/- {half_width:.1f}"


class P(float):
    """A p-value, shown without a form as people write it: 0.21, 0.013, 6e-8."""

    def __format__(self, form: str) -> str:
        if form:
            return super().__format__(form)
        text = f"{float(self):.{1 + (self >= 0.001)}g}"
        return re.sub(r"e-0*", "e-", text)


class Measured(float):
    """A number, shown without a form with the digits that count; 2.05 is 2.1, as people round."""

    def __format__(self, form: str) -> str:
        if not form:
            return shown(float(self))
        with localcontext(rounding=ROUND_HALF_UP):
            return format(Decimal(repr(float(self))), form)


def fields(every: Records, name: str, what: str | None) -> dict[str, object]:
    """Return what a form may name, of a figure or text and of its record. Raises: Unsupported."""
    record = records.find_record(every, name)
    made: dict[str, object] = {"commit": record["code"]["commit"][:7], "date": record["when"][:10]}
    if what is None:
        return made
    if (text := records.find_text(record, what)) is not None:
        return {**made, "text": text}
    figure = records.find_figure(record, what)
    numbers = {key: figure.get(key) for key in ("mean", "half_width")}
    numbers["median"] = figure.get("value")
    made |= {key: Measured(value) for key, value in numbers.items() if value is not None}
    interval = records.interval_of(figure)
    if interval is not None and (detectable := interval_power(interval)) is not None:
        made["detectable"] = Measured(detectable)
    if figure.get("family"):
        made["family"] = records.family_size(record, figure["family"])
        made |= {"p": P(records.corrected_p(record, figure)), "p_alone": P(records.own_p(figure))}
    return {**made, "n": figure["n"]}


def fill(every: Records, mark: re.Match[str]) -> str:
    """Return what a mark's text is by the records. Raises: Unsupported."""
    if mark["name"] in UNRECORDED:
        return mark["text"]
    values = fields(every, mark["name"], mark["what"])
    form = mark["form"] or _usual_form(every, mark, values)
    try:
        return form.format_map(values)
    except (KeyError, ValueError, TypeError) as error:
        subject = mark["what"] or mark["name"]
        raise Unsupported(f"{form!r} does not suit {subject!r}: {error}") from None


def _usual_form(every: Records, mark: re.Match[str], values: Mapping[str, object]) -> str:
    if "text" in values:
        return "\n{text}\n"
    if mark["what"] is None:
        raise Unsupported(f"the mark of {mark['name']!r} names neither a figure nor a form")
    figure = records.find_figure(every[mark["name"]], mark["what"])
    return SIGNED if figure.get("family") or figure["unit"] == "points" else PLAIN


def judge(every: Records, claims: str) -> Iterator[str]:
    """Yield what is not so of claims that a conclusion rests on, separated by semicolons.

    A claim that names no record is of the same one as the claim before.
    """
    name = ""
    for text in claims.split(";"):
        claim = CLAIM.fullmatch(text)
        if claim is None:
            yield f"{text.strip()!r} is no claim: write record[comparison] higher"
            continue
        name = claim["name"] or name
        try:
            word = records.outcome(every, name, claim["what"])
        except Unsupported as error:
            yield str(error)
            continue
        if word != claim["word"]:
            yield f"the conclusion says {claim['word']!r}, the record {word!r}: {claim['what']}"


def examine(page: str, text: str, every: Records) -> tuple[str, list[Finding]]:
    """Return a page as the records have it, and what is wrong with it as it stands."""
    wrong: list[Finding] = []

    def note(match: re.Match[str], what: str) -> None:
        wrong.append(Finding(page, line_of(match), what))

    def renew(mark: re.Match[str]) -> str:
        try:
            right = fill(every, mark)
        except Unsupported as error:
            note(mark, str(error))
            return mark[0]
        if right != mark["text"]:
            note(mark, f"the page says {cut(mark['text'])}, the record {cut(right)}")
        start, end = mark.start("text") - mark.start(), mark.end("text") - mark.start()
        return mark[0][:start] + right + mark[0][end:]

    for match in RESTS.finditer(text):
        for what in judge(every, match["claims"]):
            note(match, what)
    new = MARK.sub(renew, text)
    return new, sorted([*wrong, *unmarked(page, text)], key=lambda finding: finding.line)


def pages() -> list[str]:
    """Return the pages that are covered: README.md, CONTRIBUTING.md and docs/, but for LEFT_OUT."""
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    names = sorted(path.relative_to(ROOT).as_posix() for path in files)
    return [name for name in names if name not in LEFT_OUT]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args()
    every, wrong = records.by_name(), list[Finding]()
    for page in pages():
        path = ROOT / page
        text = path.read_text(encoding="utf-8")
        new, findings = examine(page, text, every)
        if not args.check and new != text:
            path.write_text(new, encoding="utf-8")
            findings = examine(page, new, every)[1]
        wrong += findings
    print("".join(f"{finding}\n" for finding in wrong), end="")
    if wrong and args.check:
        print("error: make docs-figures writes what the records have; the rest is for you to mark")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
