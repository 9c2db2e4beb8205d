"""The parts of a preset: range files that together mean its trials and no others."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from espalier.kconfig import assign
from espalier.kconfig.foreign.foreign_run import ForeignRun, Value
from espalier.kconfig.range_file import Setting
from espalier.kconfig.symbols import CHOICE, Symbols


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


def joined(runs: Sequence[tuple[ForeignRun, list[str]]]) -> list[Part]:
    """Return as few parts as can be of runs, each given with its methods."""
    parts: list[Part] = []
    for run, methods in runs:
        part = next((part for part in parts if part.takes(run, methods)), None)
        if part is None:
            parts.append(part := Part(run.model, run.values, {}))
        part.methods[run.optimizer] = methods
    return parts


def in_effect(symbols: Symbols, part: Part, others: Sequence[Setting]) -> set[str]:
    """Return the symbols that some trials of a part show.

    What the file says in symbols that only we have goes before what is translated: it is left out
    of the values of the part.
    """
    own = [setting for setting in others if setting.symbol in symbols]
    for name in {target(symbols, setting) for setting in own}:
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
        targets = {*part.values, *(target(symbols, setting) for setting in own)}
        active |= {name for name in targets if assign.is_active(symbols, name)}
    symbols.kconf.unset_values()
    return active


def target(symbols: Symbols, setting: Setting) -> str:
    """Return the choice that a setting is about, or its symbol."""
    return (symbols.owner(setting.symbol) or (setting.symbol,))[0]


def settings_of(part: Part, active: set[str], first: Setting) -> list[Setting]:
    """Return what a part sets of its `active` symbols; `first` is where the file begins."""
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


def _plain(values: Mapping[str, Value]) -> dict[str, tuple[str, ...]]:
    return {name: value.values for name, value in values.items()}
