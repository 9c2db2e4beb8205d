"""Where the results of a page come from: code, versions, devices, files of the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from espalier.analysis.caveats import UNKNOWN
from espalier.core.records import Provenance
from espalier.core.revision import describe
from espalier.core.texts.count_text import count_text
from espalier.core.texts.shortening import keep_first
from espalier.report.html.page_input import PageInput

Row = tuple[str, list[str]]
LISTED = 8
"""Values of a row that the page names."""


def provenance_rows(page: PageInput) -> list[Row]:
    """Return what each row says of all trials that have ended, the most frequent first."""
    ended = [item.result.provenance for item in page.results if item.attempts]
    rows = [
        ("continued by", [page.header.command or ""]),
        ("range files", _sources(page)),
        ("set on the command line", [f"{name}={text}" for name, text in _given(page)]),
        ("plan", [f"id {page.header.plan_id}"] * bool(page.header.plan_id)),
        ("Kconfig", [page.header.kconfig[:12]]),
        ("trees outside", _trees(page)),
        ("code", _tally(describe(each.code) for each in ended)),
        ("versions", _tally(_versions(each) for each in ended)),
        ("device", _tally(each.device or UNKNOWN for each in ended)),
        ("platform", _tally(each.platform or UNKNOWN for each in ended)),
        ("trained as one program", _tally(str(each.pack_size) for each in ended)),
        ("taken over", _tally(_taken(each) for each in ended)),
        ("outside of identity", [f"{name}={text}" for name, text in page.header.settings.items()]),
    ]
    return [(name, shown) for name, texts in rows if (shown := [text for text in texts if text])]


def _sources(page: PageInput) -> list[str]:
    return [
        f"{each.get('path')} sha256 {each.get('sha256', '')[:12]}" for each in page.header.sources
    ]


def _trees(page: PageInput) -> list[str]:
    trees = page.header.trees or ()
    return [f"{each.get('path')} code {each.get('sources', '')[:12]}" for each in trees]


def _given(page: PageInput) -> Iterable[tuple[str, str]]:
    return (page.header.assignments or {}).items()


def _versions(item: Provenance) -> str:
    return ", ".join(f"{name} {text}" for name, text in (item.versions or {}).items())


def _taken(item: Provenance) -> str:
    taken = item.taken_over
    return "" if taken is None else f"from {taken.get('sweep')}"


def _tally(texts: Iterable[str]) -> list[str]:
    """Return the texts with how many trials have them."""
    counts = Counter(text for text in texts if text).most_common()
    lines = [f"{text}: {count_text(count, 'trial')}" for text, count in counts]
    return keep_first(lines, LISTED)
