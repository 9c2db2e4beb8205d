from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from espalier.core.process.terminal import printable
from espalier.report.tables.escaping import escape_csv, escape_latex, escape_markdown

HOSTILE = (
    r"</script><img src=x onerror=alert(1)> \input{/etc/passwd} 50% a&b #1 $x^2$ a_b ~ |*[y](z)`"
)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("state", "state"),
        ("50% of a&b_c #1 $x$", r"50\% of a\&b\_c \#1 \$x\$"),
        ("\\input{x}", r"\textbackslash{}input\{x\}"),
        ("[a]*", "{[}a{]}{*}"),
        ("a~b^c", r"a\textasciitilde{}b\textasciicircum{}c"),
        ("<a|b>", r"\textless{}a\textbar{}b\textgreater{}"),
        ("--a---", "-{}-a-{}-{}-"),
        ("-0.5", "$-$0.5"),
        ("a\nb\x1b", r"a\textbackslash{}nb\textbackslash{}x1b"),
        ("\"'`", r"\char34{}\textquotesingle{}\textasciigrave{}"),
    ],
)
def test_latex(text: str, escaped: str) -> None:
    assert escape_latex(text) == escaped


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("state", "state"),
        ("a|b", r"a\|b"),
        ("**a**_b_`c`", r"\*\*a\*\*\_b\_\`c\`"),
        ("<script>&amp;", "&lt;script&gt;&amp;amp;"),
        ("![a](http://b)", r"!\[a\](http:\//b)"),
        (r"\|", r"\\\|"),
        ("$x$ ~~y~~ @z", r"\$x\$ \~\~y\~\~ \@z"),
        ("a\nb\rc\u2028", r"a\\nb\\rc\\u2028"),
    ],
)
def test_markdown(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        (" -x", "' -x"),
        ("-0.5", "-0.5"),
        ("+1e-3", "+1e-3"),
        ("64,32", "64,32"),
        ("a\r\nb", r"a\r\nb"),
        ("\t=1", r"\t=1"),
    ],
)
def test_csv(text: str, escaped: str) -> None:
    assert escape_csv(text) == escaped


@given(st.text())
def test_no_text_leaves_its_cell(text: str) -> None:
    for escape in (escape_latex, escape_markdown, escape_csv):
        assert not set(escape(text)) & set("\n\r\t\0")
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerow([escape_csv(text), "next"])
    assert next(csv.reader([file.getvalue()])) == [escape_csv(text), "next"]
    assert not re.search(r"(?<!\\)(?:\\\\)*\|", escape_markdown(text))


@given(st.text(alphabet="\\{}$&#%_~^<>|\"'`[]*-a1 "))
def test_nothing_special_is_left_in_latex(text: str) -> None:
    escaped = escape_latex(text)
    left = re.sub(r"^\$-\$|\\(?:text[a-z]+|char34)\{\}|\\[{}$&#%_]|\{[]\[*]\}|-\{\}", "", escaped)
    assert not set(left) & set("\\{}$&#%_~^<>|\"'`[]*")


def test_a_hostile_value_stays_text() -> None:
    assert "<" not in escape_markdown(HOSTILE)
    assert r"\input" not in escape_latex(HOSTILE)


def cells_of(markdown: str) -> list[str]:
    """Return the texts of a table's cells as a reader of Markdown sees them; markup is an error."""
    cells = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type == "inline":
            children = token.children or []
            assert {child.type for child in children} <= {"text", "text_special"}, markdown
            cells.append("".join(child.content for child in children))
    return cells


@given(st.text())
@example(HOSTILE)
@example("# a\n| b |\n- [ ] c")
def test_a_reader_of_markdown_sees_the_text(text: str) -> None:
    markdown = f"| a | b |\n| --- | --- |\n| {escape_markdown(text)} | next |\n"
    assert cells_of(markdown)[2:] == [printable(text).strip(), "next"]
