"""What is not taken from a file that anybody may have made: paths, and checks that are off.

A saved model and a snapshot hold the values they were made with. What to compute is theirs to say.
Which files of this machine to read, and whether to check them, is said by who opens them: on the
command line, or by the defaults of this tree. A symbol of that kind has the mark `Trust: needed`.
"""

from __future__ import annotations

from collections.abc import Mapping

from espalier.kconfig.symbols import Symbols


def default(symbols: Symbols, name: str) -> str:
    """Return the first default of a bool or string, whatever the other symbols are."""
    item = symbols.item(name)
    values = [value.str_value for value, _ in item.orig_defaults]
    return values[0] if values else {"bool": "n"}.get(symbols.kind(name), "")


def without_trust(
    symbols: Symbols, values: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """Return the `values` of a file, but what needs trust as it is `given`, or as by default."""
    doubtful = [name for name in symbols.need_trust if name in values]
    return {**values, **{name: given.get(name, default(symbols, name)) for name in doubtful}}


def note_ignored(place: str, values: Mapping[str, str], taken: Mapping[str, str], how: str) -> str:
    """Return a line on the `values` of a file that are not among those `taken`; empty if all are.

    `how` says where the user can give them.
    """
    others = [f"CONFIG_{name}={value!r}" for name, value in values.items() if taken[name] != value]
    rule = "paths and checks are not taken from a file"
    return f"note: {place}: {', '.join(others)}: {rule}; {how}" if others else ""
