"""`sweep-estimate` against the sweep itself, on five sweeps that have little in common.

    .venv/bin/python benchmarks/estimate_truth.py [--rounds 1]

Each sweep is estimated and then run, by the command line and with nothing kept from before. What
counts is by how much the wall time is off the middle of the estimated range; a refusal to estimate
is no number. Samples are the digits and the prose that ships with Python.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from math import sqrt
from pathlib import Path

import measuring
import sweeping
from measuring import Figure

from espalier.core.paths import ROOT

SWEEPS = {
    "MLP": """
CONFIG_MODEL=mlp
CONFIG_DATASET=digits
CONFIG_PRUNING_METHOD=none
CONFIG_NUM_EPOCHS=40
CONFIG_LEARNING_RATE=0.001|0.003
CONFIG_SEED=1:1:12
""",
    "LeNet-5": """
CONFIG_MODEL=lenet5
CONFIG_DATASET=digits
CONFIG_PRUNING_METHOD=none
CONFIG_NUM_EPOCHS=20
CONFIG_SEED=1:1:6
""",
    "ResNet-18, a small set": """
CONFIG_MODEL=resnet18
CONFIG_DATASET=digits
CONFIG_PRUNING_METHOD=none
CONFIG_TRAIN_SUBSET=256
CONFIG_NUM_EPOCHS=8
CONFIG_SEED=1|2
""",
    "transformer of characters": """
CONFIG_MODEL=charlm
CONFIG_DATASET=text
CONFIG_TEXT_CORPUS=prose
CONFIG_TEXT_LENGTH=100000
CONFIG_PRUNING_METHOD=none
CONFIG_NUM_EPOCHS=4
CONFIG_SEED=1|2
""",
    "growth": """
CONFIG_MODEL=blocks
CONFIG_BLOCKS_SIZES=64
CONFIG_BLOCKS_DENSITY=0.1
CONFIG_DATASET=digits
CONFIG_PRUNING_METHOD=proportional
CONFIG_GROWTH_EVENTS=30
CONFIG_OPTIMIZER_SELECT_ADAM=y
CONFIG_NUM_EPOCHS=40
CONFIG_SEED=1:1:4
""",
}
ALL = "CONFIG_DEVICE=cpu\n"
GOAL = "<= 1.5"
_TIME = re.compile(r"^Time: (?:about )?(\S+?)(?: to (\S+))?, ", re.M)
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def main() -> int:
    parser = measuring.parser(__doc__, rounds=1)
    parser.add_argument("--only", choices=list(SWEEPS), help="one of the sweeps")
    args = parser.parse_args()
    figures, notes = list[Figure](), list[str]()
    for name in [args.only] if args.only else SWEEPS:
        made = [compare(name) for _ in range(args.rounds)]
        figures += [Figure(f"{name}: truth", [truth for _, truth, _ in made], "s")]
        notes += [note for *_, note in made]
        if factors := [factor(span, truth) for span, truth, _ in made if span]:
            figures += [Figure(f"{name}: off by", factors, "times", GOAL)]
    measuring.tell(args, figures, notes)
    return 0


def compare(name: str) -> tuple[tuple[float, float] | None, float, str]:
    """Return the estimated range in seconds, if there is one, the truth, and both in words."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        (place / "range").write_text(ALL + SWEEPS[name].lstrip(), encoding="utf-8")
        said = estimate(place)
        truth = sweeping.sweep(place, place / "range").run
    span = read_range(said)
    note = f"{name}: {_shown(span) if span else said.strip()}, truth {truth:.1f} s"
    measuring.say(note)
    return span, truth, note


def estimate(place: Path) -> str:
    """Return what `sweep-estimate` says of the range file in `place`."""
    calm = sweeping.calm_environment()
    command = [sys.executable, "-P", "-m", "espalier", "sweep-estimate", str(place / "range")]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**calm, "XDG_CACHE_HOME": str(place / "cache")},
        capture_output=True,
        encoding="utf-8",
    )
    return done.stdout if done.returncode == 0 else done.stderr.splitlines()[-1]


def read_range(said: str) -> tuple[float, float] | None:
    """Return the range of the wall time that an estimate gives, in seconds; None if it refuses."""
    match = _TIME.search(said)
    return None if match is None else (seconds(match[1]), seconds(match[2] or match[1]))


def seconds(text: str) -> float:
    """Return the seconds of a time as it is shown: `3.1s`, `1m40s`, `2h05m`."""
    return sum(
        float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)([hms])", text)
    )


def factor(span: tuple[float, float], truth: float) -> float:
    """Return by how much the truth is off the middle of a range, 1 or more."""
    middle = sqrt(span[0] * span[1])
    return max(truth / middle, middle / truth)


def _shown(span: tuple[float, float]) -> str:
    return f"{span[0]:.1f} to {span[1]:.1f} s"


if __name__ == "__main__":
    sys.exit(main())
