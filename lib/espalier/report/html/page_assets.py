"""The style and the programs of the page, and the policy that lets nothing else run in it."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "templates" / "html"
STYLE = "page.css"
SCRIPTS = (
    "data.js",
    "choices.js",
    "elements.js",
    "axes.js",
    "filters.js",
    "charts.js",
    "table.js",
    "parallel.js",
    "scatter.js",
    "forest.js",
    "curves.js",
    "effects.js",
    "page.js",
)
"""The files of the page's program, in the order in which they stand in it."""


@lru_cache
def style() -> str:
    """Return the style sheet."""
    return (FOLDER / STYLE).read_text(encoding="utf-8")


@lru_cache
def program() -> str:
    """Return the program: all files in one function, so that they share names with nobody."""
    parts = [(FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"


def policy() -> str:
    """Return the content security policy: these two texts, and nothing from elsewhere."""
    return (
        f"default-src 'none'; style-src '{_digest(style())}'; script-src '{_digest(program())}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
