"""How large snapshots are: as torch writes them, compressed, and as differences; and that they fit.

    python benchmarks/snapshot_sizes.py [--epochs N] [--every N]

Trials on the digits, one an arm, of 64 pixels, 256 units and 10 classes with Adam: static edges and
RigL at 10 % density, every weight free, and a network of blocks with 64 units that grows from 5 %
to 20 %. At the end of every so many epochs the position is stored as torch writes it, and as
CONFIG_SNAPSHOT_DELTA has it: compressed, and a difference where that is less than 0.9 of it. Those
are read again and compared bit by bit; exits 1 if one is not what was written. A difference in
percent of `whole` has the gain of compression in it, in percent of `compressed` it has not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import measuring
from measuring import Figure, Record

from espalier.sweep import planning
from espalier.train import deltas, snapshots, worker_entry
from espalier.train.deltas import Content
from espalier.train.loop import Loop
from espalier.train.position import position
from espalier.train.trainer import Trainer
from espalier.trial import Task

MLP = {"MODEL_SELECT_MLP": "y", "MLP_LAYERS": "1", "MLP_WIDTH": "256"}
BLOCKS = {"MODEL_SELECT_BLOCKS": "y", "BLOCKS_SIZES": '"64"', "BLOCKS_DENSITY": "0.05"}
ARMS = {
    "static edges": {**MLP, "PRUNING_METHOD": "static", "SPARSE_DENSITY": "0.1"},
    "RigL": {**MLP, "PRUNING_METHOD": "rigl", "SPARSE_DENSITY": "0.1", "SPARSE_EVERY": "40"},
    "growing blocks": {**BLOCKS, "PRUNING_METHOD": "grow", "GROW_TO": "0.2"},
    "all weights": {**MLP, "PRUNING_METHOD": "none"},
}
GOAL = "<= 50"


@dataclass
class Sizes:
    """What was stored of a trial, time after time, in both ways, and how many milliseconds it took.

    `faults` are those that are read as something else than was written.
    """

    plain: list[Record] = field(default_factory=list)
    small: list[Record] = field(default_factory=list)
    times: dict[str, list[float]] = field(default_factory=lambda: {"whole": [], "small": []})
    faults: int = 0

    def pairs(self) -> Iterator[tuple[int, int, float, bool]]:
        """Bytes as torch writes them, compressed and as stored; whether that is a difference."""
        for one, other in zip(self.plain, self.small, strict=True):
            how = other["stored"]
            whole, delta = how["bytes_whole"], how["as"] == snapshots.DELTA
            yield one["bytes"], whole, how["part"] * whole, delta


def trained(
    settings: dict[str, str], args: argparse.Namespace
) -> Iterator[tuple[Trainer, Content]]:
    """What there is to store of a trial, time after time."""
    asked = {"OPTIMIZER_SELECT_ADAM": "y", "NUM_EPOCHS": str(args.epochs), "SEED": "1"}
    plan = planning.plan_from_rows({**settings, **asked}, [{}])
    with tempfile.TemporaryDirectory() as folder:
        task = Task.single(plan.trials[0], plan.settings, Path(folder))
        trainer, _ = worker_entry.prepare(task)
        history: list[Record] = []
        for _, record in Loop([trainer]).epochs():
            assert isinstance(record, dict)
            history.append(record)
            if trainer.run.epoch % args.every == 0:
                yield trainer, {"position": position(trainer), "history": list(history)}


def sizes(settings: dict[str, str], args: argparse.Namespace) -> Sizes:
    """Store what there is of a trial in both ways."""
    found = Sizes()
    with tempfile.TemporaryDirectory() as place:
        for trainer, content in trained(settings, args):
            path = Path(place) / f"epoch_{trainer.run.epoch:05}.json"
            began = time.perf_counter()
            found.plain.append(snapshots.write_whole(path, content))
            between = time.perf_counter()
            found.small.append(snapshots.write_small(path, content))
            found.times["whole"].append(1000 * (between - began))
            found.times["small"].append(1000 * (time.perf_counter() - between))
            snapshots.write_about(path, found.small[-1])
            found.faults += deltas.encode(snapshots.load(path).read()) != deltas.encode(content)
    return found


def figures(name: str, found: Sizes) -> Iterator[Figure]:
    """What came of one arm."""
    pairs = list(found.pairs())
    yield Figure(f"{name}: whole", [plain / 1000 for plain, _, _, _ in pairs], "kB")
    shares = [100 * whole / plain for plain, whole, _, _ in pairs]
    yield Figure(f"{name}: compressed, of whole", shares, "%")
    less = [one for one in pairs if one[3]]
    yield Figure(f"{name}: differences, of {len(pairs)}", [len(less)], "")
    if less:
        parts = [100 * small / plain for plain, _, small, _ in less]
        yield Figure(f"{name}: difference, of whole", parts, "%", GOAL)
        parts = [100 * small / whole for _, whole, small, _ in less]
        yield Figure(f"{name}: difference, of compressed", parts, "%", GOAL)
    total = sum(small for _, _, small, _ in pairs)
    for what, place in (("whole", 0), ("compressed", 1)):
        share = 100 * total / sum(one[place] for one in pairs)
        yield Figure(f"{name}: all together, of {what}", [share], "%")
    for way, spent in found.times.items():
        yield Figure(f"{name}: to store one {way}", spent, "ms")


def main() -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("--epochs", type=int, default=40, help="(default: %(default)s)")
    parser.add_argument("--every", type=int, default=1, help="(default: %(default)s)")
    args = parser.parse_args()
    made, faults = [], 0
    for name, settings in ARMS.items():
        found = sizes(settings, args)
        faults += found.faults
        made += figures(name, found)
    made.append(Figure("not as they were written", [faults], "", "<= 0"))
    measuring.tell(args, made)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
