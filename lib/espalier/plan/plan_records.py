"""Read the lines of plan.jsonl as what they must be, or not at all: the file may be damaged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from espalier.core import decoding
from espalier.core.records import PlanHeader
from espalier.core.trial import Trial
from espalier.kconfig.symbols import CHOICE, Symbols
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord


def read(lines: Iterable[str]) -> tuple[PlanHeader, list[Trial]]:
    """Return the header and the trials. Raises ValueError."""
    first, *others = [decoding.value(line) for line in lines]
    header = decoding.header(first)
    SamplerRecord.of(header.design)  # which must be one if it says so
    return header, [decoding.trial(record) for record in others]


def odd_setting(symbols: Symbols, settings: Mapping[str, str]) -> str | None:
    """Return a symbol outside of identity that has no value of its kind in `settings`, if any.

    One that is always visible must be there.
    """
    always = [name for name in symbols.settings if _is_always_visible(symbols, name)]
    return next((n for n in (*always, *settings) if not _is_value(symbols, n, settings)), None)


def _is_always_visible(symbols: Symbols, name: str) -> bool:
    prompts = [node.prompt for node in symbols.item(name).nodes if node.prompt]
    return any(condition is symbols.kconf.y for _, condition in prompts)


def _is_value(symbols: Symbols, name: str, settings: Mapping[str, str]) -> bool:
    if name not in settings or name not in symbols:
        return False
    if symbols.kind(name) == CHOICE:
        return settings[name] in symbols.members(name)
    try:
        return symbols.canonical(name, settings[name]) == settings[name]
    except ValueError:
        return False
