"""Convolutions on a CPU, where packs do not pay: what it costs to ask, and that the answer is no.

    python benchmarks/pack_conv.py [--rounds 3] [--only NAME]

LeNet-5 and ResNet-18 on small sets of random images, stored as the real ones are; whole sweeps as
they come, with the probe and nothing known from before, against the same with PACK=1, in turn.
What the probe costs is how much later the first trial starts.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import measuring
import sweeping
from measuring import Figure

from espalier.core.paths import ROOT

SMALL_FILES = ROOT / "tests" / "datasets" / "small_files.py"
SLOWER, PROBE = "<= 1.03", "<= 5"  # times as long; percent of the sweep


@dataclass(frozen=True)
class Case:
    """A sweep: its data, what is trained on it and for how long."""

    write: Callable[[ModuleType, Path], object]
    symbols: str

    def range_text(self, data: Path) -> str:
        """The range file; `data` is a folder."""
        return f'{COMMON}CONFIG_DATA_DIR="{data}"\n{self.symbols}'


COMMON = """CONFIG_OPTIMIZER=adamw
CONFIG_PRUNING_METHOD=none
CONFIG_DATA_VERIFY=n
CONFIG_LEARNING_RATE=0.001|0.002
"""
CASES = {
    "LeNet-5": Case(
        lambda small, folder: small.write_idx(folder, train=2000, test=200),
        "CONFIG_MODEL=lenet5\nCONFIG_DATASET=mnist\nCONFIG_BATCH_SIZE=64\n"
        "CONFIG_NUM_EPOCHS=4\nCONFIG_SEED=1:1:10\n",
    ),
    "ResNet-18": Case(
        lambda small, folder: small.write_batches(folder, samples=40, test=40),
        "CONFIG_MODEL=resnet18\nCONFIG_DATASET=cifar10\nCONFIG_BATCH_SIZE=16\n"
        "CONFIG_NUM_EPOCHS=2\nCONFIG_SEED=1:1:4\n",
    ),
}


@dataclass(frozen=True)
class Seen:
    """What is kept of a sweep when its folder goes: seconds, and what was decided on packs."""

    whole: float
    start_up: float
    decided: list[str]


def pairs(name: str, rounds: int) -> tuple[list[Seen], list[Seen]]:
    """Sweeps as they come and with PACK=1, in turn, the one or the other first."""
    packed: list[Seen] = []
    alone: list[Seen] = []
    with tempfile.TemporaryDirectory() as folder:
        CASES[name].write(_small_files(), Path(folder))
        text = CASES[name].range_text(Path(folder))
        for number in range(rounds):
            turn: list[tuple[list[Seen], dict[str, int]]] = [(packed, {}), (alone, {"PACK": 1})]
            for into, variables in turn if number % 2 else reversed(turn):
                place = Path(folder) / f"{number}{len(variables)}"
                place.mkdir()
                (place / "range").write_text(text, encoding="utf-8")
                done = sweeping.sweep(place, place / "range", PARALLEL=2, **variables)
                decided = [f"packs of {done.packs}", *done.noted]
                into.append(Seen(done.whole, done.start_up, decided))
                measuring.say(f"{name} {variables}: {done.whole:.1f} s, {'; '.join(decided)}")
    return packed, alone


def _small_files() -> ModuleType:
    """What the tests write small data sets with."""
    spec = importlib.util.spec_from_file_location("small_files", SMALL_FILES)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def figures(name: str, packed: list[Seen], alone: list[Seen]) -> list[Figure]:
    slower = measuring.ratios([seen.whole for seen in packed], [seen.whole for seen in alone])
    later = [a.start_up - b.start_up for a, b in zip(packed, alone, strict=True)]
    share = [100 * seconds / seen.whole for seconds, seen in zip(later, packed, strict=True)]
    return [
        Figure(f"{name}: as it comes", [seen.whole for seen in packed], "s"),
        Figure(f"{name}: PACK=1", [seen.whole for seen in alone], "s"),
        Figure(f"{name}: as it comes against PACK=1", slower, "x", SLOWER),
        Figure(f"{name}: the first trial starts later by", later, "s"),
        Figure(f"{name}: that is, of the sweep", share, "%", PROBE),
    ]


def main() -> None:
    parser = measuring.parser(__doc__, rounds=3)
    parser.add_argument("--only", choices=CASES)
    args = parser.parse_args()
    made: list[Figure] = []
    notes: list[str] = []
    for name in [args.only] if args.only else CASES:
        packed, alone = pairs(name, args.rounds)
        made += figures(name, packed, alone)
        notes += [f"{name}: {line}" for line in dict.fromkeys(packed[0].decided)]
    measuring.tell(args, made, notes)


if __name__ == "__main__":
    main()
