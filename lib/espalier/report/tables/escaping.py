r"""Text of others as cells of a table: nothing in it is markup, a formula or a line end.

Names and values come from range files and stores. A value such as `\input{x}`, `=HYPERLINK()` or
`</script>` is shown as it is written.
"""

from __future__ import annotations

import re

from espalier.core.process.terminal import printable

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\char34{}",  # \textquotedbl is not in every font encoding
        "'": r"\textquotesingle{}",
        "`": r"\textasciigrave{}",
        "[": "{[}",  # behind the \\ of a row it would begin an option
        "]": "{]}",
        "*": "{*}",  # so would this
    }
)
_MARKDOWN = str.maketrans(
    {character: "\\" + character for character in r"\`*_{}[]#|~$@"}
    | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes for the start of a formula."""


def escape_latex(text: str) -> str:
    r"""Return text for LaTeX; hyphens stay hyphens, but that of a number is a minus."""
    escaped = re.sub("-(?=-)", "-{}", printable(text).translate(_LATEX))
    return re.sub(r"^-(?=[\d.])", "$-$", escaped)


def escape_markdown(text: str) -> str:
    """Return text for a cell of Markdown, as GitHub reads it; no address in it is a link."""
    return re.sub("(?<=:)(?=//)", r"\\", printable(text).translate(_MARKDOWN))


def escape_csv(text: str) -> str:
    """Return text that no spreadsheet reads as a formula: with a `'` before one. No quotes yet."""
    shown = printable(text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) and not _is_number(shown) else shown


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
