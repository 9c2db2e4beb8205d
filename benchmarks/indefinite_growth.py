"""What growth without an end set beforehand comes to: the digits, from 16 hidden units.

    python benchmarks/indefinite_growth.py [--seeds 10] [--keep FOLDER]

One sweep of defconfigs/digits-indefinite-range, as users run it, and one of the control: static
blocks of 64 units with the number of edges at which growth has to end, for as many epochs. The
goals are those of the criterion: 90 % on validation with at most half of the edges of a dense
network of 64-64-10 units, and accuracy on
validation unchanged, to 0.2 points, by every event.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import measuring
import sweeping
from measuring import Figure

from espalier.paths import ROOT
from espalier.trial import Record

RANGE = ROOT / "defconfigs" / "digits-indefinite-range"
MOST = 2000  # edges, CONFIG_INDEFINITE_MOST by default
DENSE = 64 * 64 + 64 * 10
SAME = ("CONFIG_MODEL", "CONFIG_OPTIMIZER", "CONFIG_LEARNING_RATE", "CONFIG_NUM_EPOCHS")
CONTROL = f'CONFIG_BLOCKS_SIZES="64"\nCONFIG_BLOCKS_DENSITY={MOST / DENSE}\n'
Arm = dict[str, Record]
"""Seed -> final measures."""


def arms(place: Path, seeds: int) -> dict[str, Arm]:
    """Every arm by name."""
    found: dict[str, Arm] = {}
    again = f"CONFIG_SEED=1:1:{seeds}\n"
    control = place / "static-range"
    control.write_text("".join(line for line in RANGE.open() if line.startswith(SAME)) + CONTROL)
    for name, file in {"grown": RANGE, "static": control}.items():
        here = place / name
        here.mkdir(parents=True, exist_ok=True)
        if not sweeping.attempts(here):
            sweeping.sweep(here, file, again)
        for trial, result in sweeping.results(here):
            where = trial.config.get("INDEFINITE_WHERE", "static" if name == "static" else "none")
            found.setdefault(where, {})[trial.config["SEED"]] = result.measures
    return found


def figures(found: dict[str, Arm]) -> Iterator[Figure]:
    """Accuracies and edges of all arms, and growth by gradient against the others."""
    grown = found["gradient"]
    for name, arm in found.items():
        values = [float(one["val_acc"]) for one in arm.values()]
        yield Figure(f"{name}, validation", values, "%", ">= 90" if arm is grown else "")
        yield Figure(f"{name}, test", [float(one["test_acc"]) for one in arm.values()], "%")
        live = [float(one["live_parameters"]) for one in arm.values()]
        yield Figure(f"{name}, live parameters", live, "")
        if arm is not grown:
            paired = [float(grown[s]["test_acc"]) - float(arm[s]["test_acc"]) for s in arm]
            yield Figure(f"gradient - {name}, test", paired, "points")
    edges = [float(one["live_edges"]) / DENSE for one in grown.values()]
    yield Figure("edges, as a share of a dense network's", edges, "", "<= 0.5")
    falls = [abs(float(one["event_drop"])) for one in grown.values()]
    yield Figure("largest change of validation at an event", falls, "points", "<= 0.2")


def main() -> None:
    parser: argparse.ArgumentParser = measuring.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="(default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="the sweeps there are read, or stay there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = arms(args.keep or Path(folder), args.seeds)
    made = list(figures(found))
    ended = Counter(one["growth_ended"] for one in found["gradient"].values())
    why = ", ".join(f"{name}: {count}" for name, count in ended.items())
    measuring.tell(args, made, [f"why growth ended: {why}", *map(measuring.told, made)])


if __name__ == "__main__":
    main()
