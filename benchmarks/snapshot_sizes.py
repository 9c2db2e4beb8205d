"""How large snapshots are as torch writes them and compressed, and how long storing one takes.

    python benchmarks/snapshot_sizes.py [--epochs N]

Trials on the digits, one an arm, of 64 pixels, 256 units and 10 classes with Adam: static edges and
RigL at 10 % density, every weight free, and a network of blocks with 64 units that grows from 5 %
to 20 %. The position is stored in both ways at the end of every epoch.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import measuring
from measuring import Figure, Record

from espalier.core.trial import Task
from espalier.plan import planning
from espalier.train import worker_entry
from espalier.train.checkpoints import snapshot_files
from espalier.train.checkpoints.run_state import capture
from espalier.train.loop import Loop

MLP = {"MODEL_SELECT_MLP": "y", "MLP_LAYERS": "1", "MLP_WIDTH": "256"}
BLOCKS = {"MODEL_SELECT_BLOCKS": "y", "BLOCKS_SIZES": '"64"', "BLOCKS_DENSITY": "0.05"}
ARMS = {
    "static edges": {**MLP, "PRUNING_METHOD": "static", "SPARSE_DENSITY": "0.1"},
    "RigL": {**MLP, "PRUNING_METHOD": "rigl", "SPARSE_DENSITY": "0.1", "SPARSE_EVERY": "40"},
    "growing blocks": {**BLOCKS, "PRUNING_METHOD": "grow", "GROW_TO": "0.2"},
    "all weights": {**MLP, "PRUNING_METHOD": "none"},
}


def contents(settings: dict[str, str], epochs: int, folder: Path) -> Iterator[Record]:
    """What a snapshot of a trial holds, epoch after epoch."""
    shared = {"OPTIMIZER_SELECT_ADAM": "y", "NUM_EPOCHS": str(epochs), "SEED": "1"}
    plan = planning.plan_from_rows({**settings, **shared}, [{}])
    trainer, _ = worker_entry.prepare(Task.single(plan.trials[0], plan.settings, folder))
    history: list[Record] = []
    for _, record in Loop([trainer]).epochs():
        assert isinstance(record, dict)
        history.append(record)
        yield {"position": capture(trainer), "history": list(history)}


def figures(name: str, settings: dict[str, str], epochs: int) -> Iterator[Figure]:
    """Sizes and times of one arm."""
    sizes: dict[bool, list[int]] = {False: [], True: []}
    times: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder:
        for content in contents(settings, epochs, Path(folder)):
            for compress in (False, True):
                began = time.perf_counter()
                written = snapshot_files.write_content(
                    Path(folder) / "epoch.json", content, compress
                )
                times[compress].append(1000 * (time.perf_counter() - began))
                sizes[compress].append(written["bytes"])
    yield Figure(f"{name}: as torch writes it", [size / 1000 for size in sizes[False]], "kB")
    shares = [100 * ratio for ratio in measuring.ratios(sizes[True], sizes[False])]
    yield Figure(f"{name}: compressed, of that", shares, "%")
    yield Figure(f"{name}: to store one", times[False], "ms")
    yield Figure(f"{name}: to store one compressed", times[True], "ms")


def main() -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("--epochs", type=int, default=40, help="(default: %(default)s)")
    args = parser.parse_args()
    made = [f for name, settings in ARMS.items() for f in figures(name, settings, args.epochs)]
    measuring.tell(args, made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
