"""The recorded tables of samplers: every configuration of a small grid, trained and written down.

    python benchmarks/sampler_tables.py [--only digits_pruning] [--keep FOLDER]

Runs the range files of benchmarks/tables/ and writes a CSV file beside each: the values of the
axes, empty where a symbol is off, and the mean validation loss over the seeds, empty where one of
them did not pass.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import measuring
import sweeping

from espalier.analysis.rank import TrialResult, grouped
from espalier.core import measures
from espalier.kconfig import requests, tree
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan.samplers.axes import Axis, Choose, Options
from espalier.plan.samplers.space import Space
from espalier.run.samplers.reported_values import reported_values

FOLDER = Path(__file__).parent / "tables"
NAMES = ("digits_optimizers", "digits_pruning", "digits_apoptosis")
BY = "val_loss"
Key = tuple[str, ...]
"""The values of the axes, empty where one is off."""


@dataclass(frozen=True)
class RecordedTable:
    """The scores of all configurations of a range file."""

    name: str

    @property
    def range_file(self) -> Path:
        """The grid."""
        return FOLDER / f"{self.name}-range"

    @property
    def file(self) -> Path:
        """What has been recorded of it."""
        return FOLDER / f"{self.name}.csv"

    @cached_property
    def symbols(self) -> Symbols:
        """Those of the tree."""
        return Symbols(tree.parse())

    @cached_property
    def requested(self) -> Requests:
        """What the range file asks for."""
        return requests.read(self.symbols, [self.range_file])[0]

    @cached_property
    def space(self) -> Space:
        """The space of the range file."""
        return Space(self.symbols, self.requested)

    @cached_property
    def scores(self) -> dict[Key, float | None]:
        """The mean validation loss by configuration; None where it failed."""
        with self.file.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {self.key(row): float(row[BY]) if row[BY] else None for row in rows}

    @property
    def best(self) -> float:
        """The least loss of all."""
        return min(score for score in self.scores.values() if score is not None)

    def key(self, config: Mapping[str, str]) -> Key:
        """Return what a configuration is found by."""
        return tuple(config.get(axis.name, "") for axis in self.space.axes)

    def score(self, config: Mapping[str, str]) -> float | None:
        """Return the score of a configuration."""
        return self.scores[self.key(config)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=NAMES)
    parser.add_argument("--keep", type=Path, help="sweeps there are read, others stay there")
    args = parser.parse_args()
    with measuring.place(args) as folder:
        for name in [args.only] if args.only else NAMES:
            record(RecordedTable(name), folder / name)


def record(table: RecordedTable, place: Path) -> None:
    """Train what is not trained yet, and write the table."""
    sweeping.once(place, table.range_file)
    results = [TrialResult(trial, result, 1) for trial, result in sweeping.results(place)]
    names = [axis.name for axis in table.space.axes]
    with table.file.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, BY])
        for group in grouped(results):
            told = reported_values(group, measures.measures_of(BY))
            writer.writerow([*table.key(group[0].trial.config), f"{told[0]:.5f}" if told else ""])
    print(f"{table.file}: {len(table.scores)} configurations, the best {table.best:.4f}")


def naive_choice(chosen: Mapping[str, str], refused: list[str]) -> Choose:
    """Return a choice of the values `chosen`; the axes that cannot have theirs are `refused`."""

    def choose(axis: Axis, options: Options) -> str:
        value = chosen[axis.name]
        if value in options:
            return value
        refused.append(axis.name)
        return options[0]

    return choose


if __name__ == "__main__":
    main()
