"""Translate a preset of another program into our symbols.

It acts on a file with a symbol that only that program knows. A file that names one of its models
is read as a whole: which trials it means, and what each is set to, defaults of that program
included. In any other file symbols are translated one by one.

Where a value goes by the model or by the optimizer, which no range file can say, one preset is
several: a part for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from espalier.core.texts.program_name import MAKE
from espalier.kconfig.range_file import Setting
from espalier.kconfig.symbols import Symbols


@dataclass(frozen=True)
class Translation:
    """A file in our symbols: what each part sets, and notes on what was read how."""

    parts: list[list[Setting]]
    notes: list[str] = field(default_factory=list)


def translate(symbols: Symbols, settings: Sequence[Setting]) -> Translation:
    """Return a file's settings in our symbols; one of ours is returned as it is.

    Raises UserError, in one line, for all that there is nothing for here.
    """
    strange = [setting.symbol for setting in settings if setting.symbol not in symbols]
    if strange:  # few files have any: the rest is imported for those
        from espalier.kconfig.foreign import foreign_table, foreign_translation

        if any(map(foreign_table.load().knows, strange)):
            parts, notes = foreign_translation.translate(symbols, settings)
            return Translation(parts, notes)
    return Translation([list(settings)])


def hint(name: str) -> str | None:
    """Return what to do about a symbol of that program where it is not translated."""
    from espalier.kconfig.foreign import foreign_table

    table = foreign_table.load()
    if not table.knows(name):
        return None
    return f"it is one of {table.program}; {MAKE} import-config FROM=<file> translates its presets"
