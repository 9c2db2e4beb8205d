"""Read a file with symbols of another program: as a preset of it, or symbol by symbol."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from espalier.core.errors import UserError
from espalier.kconfig import assign
from espalier.kconfig.foreign import foreign_parts, foreign_table
from espalier.kconfig.foreign.foreign_parts import Part, target
from espalier.kconfig.foreign.foreign_preset import ForeignPreset
from espalier.kconfig.foreign.foreign_run import ForeignRun
from espalier.kconfig.foreign.foreign_table import ForeignTable
from espalier.kconfig.range_file import Setting
from espalier.kconfig.symbols import Symbols

CHOICES = ("MODEL", "OPTIMIZER", "PRUNING_METHOD")
Translated = tuple[list[list[Setting]], list[str]]


def translate(symbols: Symbols, settings: Sequence[Setting]) -> Translated:
    """Return the parts of a file in our symbols, and notes. Raises UserError."""
    table = foreign_table.load()
    _check_lacking(table, settings)
    preset = ForeignPreset(table, settings)
    why_not = _why_no_preset(symbols, preset)
    if why_not is None:
        return _translate_preset(symbols, preset, settings)
    return _translate_one_by_one(symbols, table, settings, why_not)


def _check_lacking(table: ForeignTable, settings: Iterable[Setting]) -> None:
    lacking: dict[str, Setting] = {}
    for setting in settings:
        what = table.lacks(setting.symbol, setting.values)
        if what is None and _names_gpt2(setting):
            what = table.lacks("MODEL_GPT2", "y")
        if what is not None:
            lacking.setdefault(what, setting)
    if lacking:
        first = next(iter(lacking.values()))
        places = "; ".join(
            f"{what}: line {setting.place.line}, CONFIG_{setting.symbol}={setting.text}"
            for what, setting in lacking.items()
        )
        raise UserError(
            f"{first.place.path}: is for {table.program} and needs what there is not here: {places}"
        )


def _names_gpt2(setting: Setting) -> bool:
    named = setting.symbol in ("MODEL", "TEST_MODELS")
    return named and any("gpt2" in value.lower() for value in setting.values)


def _why_no_preset(symbols: Symbols, preset: ForeignPreset) -> str | None:
    """Return why a file cannot be read as a preset of that program; None if it can be."""
    table, models = preset.table, preset.models()
    if not models or not set(models) <= set(table.models):
        return f"names none of its models ({', '.join(table.models)})"
    switches = tuple(f"{kind}_ENABLE_" for kind in ("MODEL", "OPTIMIZER", "PRUNING"))
    for name, setting in preset.by_name.items():
        if name not in symbols or table.knows(name) or setting.values == ("n",):
            continue
        if target(symbols, setting) in CHOICES or name.startswith(switches):
            return f"has CONFIG_{name}, which is ours alone"
    for name in (*preset.optimizers(), *preset.named_methods()):
        if name not in (*table.methods, *table.optimizers):
            return f"names {name}, which is no part of it"
    return None


def _translate_preset(
    symbols: Symbols, preset: ForeignPreset, settings: Sequence[Setting]
) -> Translated:
    named = preset.optimizers()
    optimizers = named or [_default_optimizer(symbols)]
    pairs = itertools.product(preset.models(), optimizers)
    runs = [(ForeignRun(preset, *pair), preset.methods(pair[1])) for pair in pairs]
    left_out = dict.fromkeys(run.optimizer for run, methods in runs if not methods)
    runs = [(run, methods) for run, methods in runs if methods]
    if not runs:
        raise settings[0].error(
            f"{preset.table.program} has this file's pruning method for none of its optimizers: "
            f"{', '.join(left_out)}"
        )
    parts = foreign_parts.joined(runs)
    others = [s for s in settings if not preset.table.knows(s.symbol)]
    active = [foreign_parts.in_effect(symbols, part, others) for part in parts]
    translated = []
    for part, names in zip(parts, active, strict=True):
        elsewhere = set().union(*active) - names
        kept = [setting for setting in others if target(symbols, setting) not in elsewhere]
        translated.append(foreign_parts.settings_of(part, names, settings[0]) + kept)
    notes = _notes(preset, parts, active, [run for run, _ in runs])
    if left_out:
        names_of = ", ".join(left_out)
        notes.append(f"not run, as in that program, which has no such method for them: {names_of}")
    if not named:
        notes.append(f"the file names no optimizer: {optimizers[0]}, the default here")
    return translated, notes


def _default_optimizer(symbols: Symbols) -> str:
    symbols.kconf.unset_values()
    return assign.effective(symbols, "OPTIMIZER")


def _notes(
    preset: ForeignPreset,
    parts: Sequence[Part],
    active: Sequence[set[str]],
    runs: Sequence[ForeignRun],
) -> list[str]:
    table = preset.table
    path = next(iter(preset.by_name.values())).place.path
    notes = [f"{path} is read as a preset of {table.program}"]
    if ignored := [name for name in preset.by_name if table.ignores(name)]:
        notes.append(f"read and ignored: {', '.join(ignored)}")
    if defaults := _defaults(parts, active):
        notes.append(f"not in the file, defaults of that program: {', '.join(defaults)}")
    if idle := _without_effect(parts, active):
        notes.append(f"without effect in any trial: {', '.join(idle)}")
    models = {run.model: table.models[run.model].remark for run in runs}
    notes += [f"{model}: {remark}" for model, remark in models.items() if remark]
    return [*notes, *dict.fromkeys(remark for run in runs for remark in run.remarks)]


def _defaults(parts: Sequence[Part], active: Sequence[set[str]]) -> list[str]:
    """Return what the file leaves open, each symbol with the values that its parts have."""
    values: dict[str, dict[str, None]] = {}
    for part, names in zip(parts, active, strict=True):
        for name, value in part.values.items():
            if name in names and value.source is None:
                values.setdefault(name, {}).update(dict.fromkeys(value.values))
    return [f"{name}={'|'.join(texts)}" for name, texts in values.items()]


def _without_effect(parts: Sequence[Part], active: Sequence[set[str]]) -> list[str]:
    """Return the symbols of the file that give no trial a value."""
    idle: dict[str, None] = {}
    used: set[str] = set()
    for part, names in zip(parts, active, strict=True):
        for name, value in part.values.items():
            if value.source is not None:
                idle.setdefault(value.source.symbol)
                used |= {value.source.symbol} if name in names else set()
    return [name for name in idle if name not in used]


def _translate_one_by_one(
    symbols: Symbols, table: ForeignTable, settings: Sequence[Setting], why_no_preset: str
) -> Translated:
    """Rename what has one meaning whatever the rest of the file says."""
    translated: list[Setting] = []
    ignored = []
    for setting in settings:
        if setting.symbol in symbols or not table.knows(setting.symbol):
            translated.append(setting)
        elif table.ignores(setting.symbol):
            ignored.append(setting.symbol)
        elif table.is_structure(setting.symbol):
            raise setting.error(
                f"is a symbol of {table.program}, and this file is no preset of it: it "
                f"{why_no_preset}; say it in our symbols"
            )
        else:
            translated += _renamed(table, setting)
    notes = [f"read and ignored: {', '.join(ignored)}"] if ignored else []
    return [translated], notes


def _renamed(table: ForeignTable, setting: Setting) -> list[Setting]:
    return [
        replace(
            setting,
            symbol=ours,
            values=tuple(table.translated(ours, value) for value in setting.values),
        )
        for ours in table.targets(setting.symbol)
    ]
