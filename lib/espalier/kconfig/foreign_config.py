"""Translate a preset of another program into our symbols.

It acts on a file with a symbol that only that program knows. A file that names one of its models
is read as a whole: which trials it means, and what each is set to, defaults of that program
included. In any other file symbols are translated one by one.

Where a value goes by the model or by the optimizer, which no range file can say, one preset is
several: a `part` for each.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from espalier.core.errors import UserError
from espalier.kconfig import assign, foreign_table
from espalier.kconfig.foreign_preset import ForeignPreset
from espalier.kconfig.foreign_run import ForeignRun, Value
from espalier.kconfig.foreign_table import ForeignTable
from espalier.kconfig.range_file import Setting
from espalier.kconfig.symbols import CHOICE, Symbols

CHOICES = ("MODEL", "OPTIMIZER", "PRUNING_METHOD")


@dataclass(frozen=True)
class Translation:
    """A file in our symbols: what each part sets, and notes on what was read how."""

    parts: list[list[Setting]]
    notes: list[str] = field(default_factory=list)


@dataclass
class Part:
    """The runs that differ in nothing but their optimizers and methods."""

    model: str
    values: dict[str, Value]
    methods: dict[str, list[str]]  # by optimizer

    def takes(self, run: ForeignRun, methods: Sequence[str]) -> bool:
        """Return whether the trials of a run can be added without any others coming along."""
        mine, theirs = _plain(self.values), _plain(run.values)
        optimizers = run.preset.table.optimizers
        joined = {**self.methods, run.optimizer: [*methods]}
        every = set(itertools.chain(*joined.values()))
        return (
            (self.model, mine) == (run.model, theirs)
            and all({*every} & {*optimizers[o].methods} == {*own} for o, own in joined.items())
        )  # fmt: skip


def translate(symbols: Symbols, settings: Sequence[Setting]) -> Translation:
    """Return a file's settings in our symbols; one of ours is returned as it is.

    Raises UserError, in one line, for all that there is nothing for here.
    """
    table = foreign_table.load()
    if not any(s.symbol not in symbols and table.knows(s.symbol) for s in settings):
        return Translation([list(settings)])
    _check_lacking(table, settings)
    preset = ForeignPreset(table, settings)
    why_not = _why_no_preset(symbols, preset)
    if why_not is None:
        return _translate_preset(symbols, preset, settings)
    return _translate_one_by_one(symbols, table, settings, why_not)


def hint(name: str) -> str | None:
    """Return what to do about a symbol of that program where it is not translated."""
    table = foreign_table.load()
    if not table.knows(name):
        return None
    return f"it is one of {table.program}; make import-config FROM=<file> translates its presets"


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
        found = "; ".join(
            f"{what}: line {setting.place.line}, CONFIG_{setting.symbol}={setting.text}"
            for what, setting in lacking.items()
        )
        raise UserError(
            f"{first.place.path}: is for {table.program} and needs what there is not here: {found}"
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
        if _target(symbols, setting) in CHOICES or name.startswith(switches):
            return f"has CONFIG_{name}, which is ours alone"
    for name in (*preset.values("PRUNING_METHOD"), *preset.values("OPTIMIZER")):
        if name.lower() not in (*table.methods, *table.optimizers):
            return f"has {name}, which is ours alone"
    return None


def _translate_preset(
    symbols: Symbols, preset: ForeignPreset, settings: Sequence[Setting]
) -> Translation:
    named = preset.optimizers()
    optimizers = named or [_default_optimizer(symbols)]
    runs = [ForeignRun(preset, m, o) for m, o in itertools.product(preset.models(), optimizers)]
    parts: list[Part] = []
    left_out = []
    for run in runs:
        methods = preset.methods(run.optimizer)
        if not methods:
            left_out.append(run.optimizer)
            continue
        part = next((part for part in parts if part.takes(run, methods)), None)
        if part is None:
            parts.append(part := Part(run.model, run.values, {}))
        part.methods[run.optimizer] = methods
    if not parts:
        raise settings[0].error(
            f"{preset.table.program} has this file's pruning method for none of its optimizers: "
            f"{', '.join(left_out)}"
        )
    others = [s for s in settings if not preset.table.knows(s.symbol)]
    active = [_in_effect(symbols, part, others) for part in parts]
    translated = []
    for part, names in zip(parts, active, strict=True):
        elsewhere = set().union(*active) - names
        kept = [setting for setting in others if _target(symbols, setting) not in elsewhere]
        translated.append(_settings(part, names, settings[0]) + kept)
    notes = _notes(preset, parts, active, runs, left_out)
    if not named:
        notes.append(f"the file names no optimizer: {optimizers[0]}, the default here")
    return Translation(translated, notes)


def _default_optimizer(symbols: Symbols) -> str:
    symbols.kconf.unset_values()
    return assign.effective(symbols, "OPTIMIZER")


def _in_effect(symbols: Symbols, part: Part, others: Sequence[Setting]) -> set[str]:
    """Return the symbols that some trials of a part show.

    What the file says in symbols that only we have goes before what is translated: it is left out
    of the values of the part.
    """
    own = [setting for setting in others if setting.symbol in symbols]
    for name in {_target(symbols, setting) for setting in own}:
        part.values.pop(name, None)
    active: set[str] = set()
    for optimizer, method in ((o, m) for o, methods in part.methods.items() for m in methods):
        symbols.kconf.unset_values()
        chosen = {"MODEL": part.model, "OPTIMIZER": optimizer, "PRUNING_METHOD": method}
        fixed = {name: value.values[0] for name, value in part.values.items()}
        said = {setting.symbol: setting.values[0] for setting in own}
        for name, value in {**chosen, **fixed, **said}.items():
            if symbols.kind(name) != CHOICE or value in symbols.members(name):
                assign.put(symbols, name, value)
        targets = {*part.values, *(_target(symbols, setting) for setting in own)}
        active |= {name for name in targets if assign.is_active(symbols, name)}
    symbols.kconf.unset_values()
    return active


def _target(symbols: Symbols, setting: Setting) -> str:
    """Return the choice that a setting is about, or its symbol."""
    return (symbols.owner(setting.symbol) or (setting.symbol,))[0]


def _settings(part: Part, active: set[str], first: Setting) -> list[Setting]:
    methods = list(dict.fromkeys(itertools.chain(*part.methods.values())))
    chosen = {
        "MODEL": Value((part.model,), None),
        "OPTIMIZER": Value(tuple(part.methods), None),
        "PRUNING_METHOD": Value(tuple(methods), None),
    }
    values = {**chosen, **{name: v for name, v in part.values.items() if name in active}}
    return [
        Setting(name, v.values, "|".join(v.values), (v.source or first).place)
        for name, v in values.items()
    ]


def _notes(
    preset: ForeignPreset,
    parts: Sequence[Part],
    active: Sequence[set[str]],
    runs: Sequence[ForeignRun],
    left_out: Sequence[str],
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
    if left_out:
        names = ", ".join(dict.fromkeys(left_out))
        notes.append(f"not run, as in that program, which has no such method for them: {names}")
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
) -> Translation:
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
    return Translation([translated], notes)


def _renamed(table: ForeignTable, setting: Setting) -> list[Setting]:
    return [
        replace(
            setting,
            symbol=ours,
            values=tuple(table.translated(ours, value) for value in setting.values),
        )
        for ours in table.targets(setting.symbol)
    ]


def _plain(values: Mapping[str, Value]) -> dict[str, tuple[str, ...]]:
    return {name: value.values for name, value in values.items()}
