"""The style and the programs of the page, and the policy that lets nothing else run in it."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "templates" / "html"
STYLE = "page.css"
REPORT = (
    "data.js",
    "choices.js",
    "theme.js",
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
    "growth.js",
    "masks.js",
    "page.js",
)
"""The files of the program of report.html, in the order in which they stand in it."""
COMPARISON = ("choices.js", "theme.js", "comparison.js")
"""Those of the page that compares sweeps."""


@lru_cache
def style() -> str:
    """Return the style sheet."""
    return (FOLDER / STYLE).read_text(encoding="utf-8")


@lru_cache
def program(scripts: tuple[str, ...] = REPORT) -> str:
    """Return a program: all files in one function, which keeps their names to itself."""
    parts = [(FOLDER / name).read_text(encoding="utf-8") for name in scripts]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"


def policy(scripts: tuple[str, ...] = REPORT) -> str:
    """Return the content security policy: the style, this program, and nothing from elsewhere."""
    shown, run = _digest(style()), _digest(program(scripts))
    own = f"style-src '{shown}'; script-src '{run}'"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
