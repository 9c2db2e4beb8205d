"""A small tree with one of everything that the plan has to cope with."""

from __future__ import annotations

from pathlib import Path

from espalier.kconfig import range_file, requests, tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import expand
from espalier.plan.expand import Expansion

KCONFIG = """
mainmenu "Toy"

config EDGE
    int "Edge (pixels)"
    depends on HAS_EDGE
    range 1 9
    default 4
    help
      Before what it depends on, on purpose.
      Pack: may differ

choice SHAPE
    prompt "Shape"
    help
      Pack: may differ

config SHAPE_SELECT_ROUND
    bool "Round"

config SHAPE_SELECT_SQUARE
    bool "Square"
    select HAS_EDGE

config SHAPE_SELECT_STAR
    bool "Star"
    depends on PAINT
    select HAS_EDGE

endchoice

config HAS_EDGE
    bool

config PAINT
    bool "Paint"
    default y
    help
      Pack: may differ

choice COLOR
    prompt "Color"
    depends on PAINT
    help
      Pack: may differ

config COLOR_RED
    bool "Red"

config COLOR_BLUE
    bool "Blue"

endchoice

config MOST
    int "Most (pieces)"
    range 1 100
    default 10
    help
      Pack: may differ

config COUNT
    int "Count (pieces)"
    range 1 MOST
    default 3
    help
      Pack: may differ

config MASK
    hex "Mask"
    default 0x1f
    help
      Pack: may differ

config RATE
    string "Rate (share)"
    default "1e-1"
    help
      Of everything.
      Pack: may differ
      Float in (0, 1]

config LABEL
    string "Label"
    default "plain"
    help
      Pack: may differ

config FORCED
    bool "Forced"
    help
      Pack: may differ

config FORCER
    bool "Forcer"
    select FORCED
    help
      Pack: may differ

config PLACE
    string "Place"
    default "here"
    help
      Where it happens.
      Identity: no

choice VOICE
    prompt "Voice"
    help
      How it says so.
      Identity: no

config VOICE_LOUD
    bool "Loud"

config VOICE_LOW
    bool "Low"

endchoice

config SWEEP_MAX_TRIALS
    int "Most trials"
    range 1 100000
    default 50
    help
      A cap.
      Identity: no
"""


def write(root: Path) -> Path:
    """The tree's Kconfig in `root`."""
    (root / "Kconfig").write_text(KCONFIG, encoding="utf-8")
    return root


def symbols(root: Path) -> Symbols:
    """The tree, parsed."""
    return Symbols(tree.parse(write(root)))


def parse_requests(symbols: Symbols, text: str, path: str = "f") -> requests.Requests:
    """Return the requests of a range file's text."""
    return requests.from_settings(symbols, range_file.parse(text, path))


def expanded(symbols: Symbols, text: str, strict: bool = True) -> Expansion:
    """The expansion of a range file's text."""
    return expand.expand(symbols, parse_requests(symbols, text), None, strict)
