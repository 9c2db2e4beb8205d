"""The words of symbols and measures, as axes and legends have them.

A symbol is called by its prompt in the Kconfig tree, whose brackets have the unit: `Target sparsity
(share of weights)`. A name that the tree lacks is spelled out.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from espalier.core import measures
from espalier.core.errors import UserError
from espalier.core.measures import Measure
from espalier.kconfig.advice import spelling
from espalier.report.figures.figure_text import capital, drawable

if TYPE_CHECKING:
    from espalier.kconfig.symbols import Symbols

_SPECIAL = re.compile(r"[;,] ?0: [^)]*")
"""What a prompt says of the value 0."""
_BRACKETS = re.compile(r" ?\([^()]*\)$")
EMPTY = "(empty)"
LISTED = 12
"""Symbols that a message lists."""
SWITCH = {"y": "yes", "n": "no"}


@dataclass(frozen=True)
class AxisNames:
    """Words by symbol or measure; `labels` are a user's own, which win."""

    labels: Mapping[str, str] = field(default_factory=dict)

    def symbol(self, name: str) -> str:
        """Return what the axis of a symbol is called, with its unit."""
        return self._own(name) or drawable(_prompts().get(name) or _spelled_out(name))

    def short(self, name: str) -> str:
        """Return what a symbol is called where there is little room, without its unit."""
        return self._own(name) or _BRACKETS.sub("", self.symbol(name))

    def measure(self, by: Measure) -> str:
        """Return what the axis of a measure is called, with its unit."""
        own = self._own(by.name)
        return own or capital(drawable(by.axis))

    def value(self, text: str) -> str:
        """Return the value of a symbol as a name."""
        return SWITCH.get(text, drawable(text.strip('"'))) or EMPTY

    def series(self, values: Mapping[str, str]) -> str:
        """Return the values of symbols, each with its symbol, as `method: rigl`; `all` of none."""
        pairs = (f"{self.short(name)}: {self.value(text)}" for name, text in values.items())
        return ", ".join(pairs) or "all"

    def _own(self, name: str) -> str:
        return drawable(self.labels.get(name, ""))


def parse_labels(text: str) -> dict[str, str]:
    """Return the words of `val_acc=Accuracy;TARGET_SPARSITY=Sparsity`, by symbol or measure.

    Raises UserError for a part that is no `name=words`, or a name that stands twice.
    """
    labels: dict[str, str] = {}
    for part in filter(str.strip, text.split(";")):
        name, equals, words = part.partition("=")
        key = name.strip().removeprefix("CONFIG_")
        if not equals or not key or not words.strip():
            rule = "must be name=words, as in val_acc=Accuracy;TARGET_SPARSITY=Sparsity"
            raise UserError(f"LABELS={part.strip()}: {rule}")
        if key in labels:
            raise UserError(f"LABELS={part.strip()}: {key} has a label already; give it one")
        labels[key] = words.strip()
    return labels


def check_labels(
    labels: Mapping[str, str],
    there: Collection[str],
    varied: Sequence[str],
    recorded: Sequence[str],
) -> None:
    """Raise UserError for a label of a name that is neither among `there` nor `recorded`.

    `there` are all symbols, `varied` those of them that a message lists, `recorded` measures.
    """
    for name, words in labels.items():
        if name not in there and name not in recorded:
            rule = f"no trial has {name}; {describe_names(name, varied, recorded)}"
            raise UserError(f"LABELS={name}={words}: {rule}")


def describe_names(name: str, varied: Sequence[str], recorded: Sequence[str]) -> str:
    """Return which symbols and measures there are, and which of them `name` may be meant for."""
    near = spelling.nearest(name, [*varied, *recorded])
    hint = f"did you mean {near}? " if near else ""
    symbols = ", ".join(varied[:LISTED]) or "nothing"
    return f"{hint}the sweep varies {symbols}, and trials have {measures.listed(recorded)}"


@functools.cache
def _prompts() -> Mapping[str, str]:
    """Return the prompt of each symbol and choice of the tree; none if it cannot be read."""
    from espalier.kconfig import tree  # takes a tenth of a second
    from espalier.kconfig.symbols import Symbols

    try:
        symbols = Symbols(tree.parse())
    except (UserError, OSError):
        return {}
    return {name: _prompt(symbols, name) for name in symbols.prompted}


def _prompt(symbols: Symbols, name: str) -> str:
    nodes = symbols.item(name).nodes
    return _SPECIAL.sub("", next(node.prompt[0] for node in nodes if node.prompt))


def _spelled_out(name: str) -> str:
    return capital(name.replace("_", " ").lower())
