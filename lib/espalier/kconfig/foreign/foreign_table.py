"""The table of what symbols of another program become here: foreign_config.toml."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espalier.core.text_files import read_text


@dataclass(frozen=True)
class ForeignOptimizer:
    """An optimizer of that program: `built_in` is the method by which it prunes itself, if any."""

    methods: Sequence[str]
    built_in: str = ""
    rate_factor: bool = True


@dataclass(frozen=True)
class ForeignAnnealing:
    """How a model's learning rate is annealed: by which switch, for which optimizers."""

    switch: str
    optimizers: Sequence[str]
    default: Sequence[str]
    end: bool


@dataclass(frozen=True)
class ForeignModel:
    """A model of that program: its data sets with their classes, and its defaults."""

    datasets: Mapping[str, int]
    defaults: Mapping[str, str]
    annealing: ForeignAnnealing
    rate_factor: str = "1"
    matrix: bool = False
    remark: str = ""


@dataclass(frozen=True)
class Lack:
    """What there is nothing for here, unless its symbols have one of the `harmless` values."""

    what: str
    symbols: re.Pattern[str]
    harmless: frozenset[str]


class ForeignTable:
    """What each symbol of one other program means here."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Take the table as foreign_config.toml has it."""
        self.program: str = data["program"]
        self.methods: tuple[str, ...] = tuple(data["methods"])
        self.unpruned: str = data["unpruned"]
        self.schedules: Mapping[str, str] = data["schedules"]
        self.optimizers = {
            name: ForeignOptimizer(**row) for name, row in data["optimizers"].items()
        }
        self.models = {
            name: ForeignModel(**{**row, "annealing": ForeignAnnealing(**row["annealing"])})
            for name, row in data["models"].items()
        }
        self.defaults: Mapping[str, str] = data["defaults"]
        self.becomes: Mapping[str, Sequence[str]] = data["becomes"]
        self.values: Mapping[str, Mapping[str, str]] = data["values"]
        self.remarks: Mapping[str, str] = data["remarks"]
        self._structure = self._pattern(data["structure"])
        self._options = self._pattern(itertools.chain(*self.becomes.values()))
        self._ignored = self._pattern(data["ignored"])
        self._lacking = [
            Lack(lack["what"], self._pattern(lack["symbols"]), frozenset(lack["harmless"]))
            for lack in data["lacking"]
        ]

    def knows(self, name: str) -> bool:
        """Return whether `name` is a symbol of that program."""
        tables = (self._structure, self._options, self._ignored)
        return any(table.fullmatch(name) for table in tables) or self._lack(name) is not None

    def is_structure(self, name: str) -> bool:
        """Return whether `name` is one of the symbols that together say which trials there are."""
        return self._structure.fullmatch(name) is not None

    def ignores(self, name: str) -> bool:
        """Return whether `name` changes no result, or has a value with which nothing is missing."""
        named = self._structure.fullmatch(name) or self._options.fullmatch(name)
        return not named and self.knows(name)

    def lacks(self, name: str, values: Iterable[str]) -> str | None:
        """Return what there would have to be here for `name` to have `values`; None if nothing."""
        lack = self._lack(name)
        if lack is None or lack.harmless.issuperset(values):
            return None
        return lack.what

    def targets(self, name: str) -> list[str]:
        """Return the symbols of ours that `name` gives a value to."""
        return [
            ours for ours, sources in self.becomes.items() if self._pattern(sources).fullmatch(name)
        ]

    def translated(self, ours: str, value: str) -> str:
        """Return what a value of that program is called as a value of our symbol `ours`."""
        return self.values.get(ours, {}).get(value, value)

    def _lack(self, name: str) -> Lack | None:
        if self._ignored.fullmatch(name):
            return None
        return next((lack for lack in self._lacking if lack.symbols.fullmatch(name)), None)

    def _pattern(self, patterns: Iterable[str]) -> re.Pattern[str]:
        names = {
            "{MODEL}": [*self.models, "gpt2"],
            "{OPTIMIZER}": self.optimizers,
            "{METHOD}": self.methods,
        }
        text = "|".join(pattern.replace("*", r"\w*") for pattern in patterns)
        for variable, values in names.items():
            text = text.replace(variable, f"(?:{'|'.join(values).upper()})")
        return re.compile(text)


@functools.cache
def load() -> ForeignTable:
    """Return the table."""
    import tomllib  # few files need the table

    path = Path(__file__).with_name("foreign_config.toml")
    return ForeignTable(tomllib.loads(read_text(path)))
