"""The same trials alone, packed, in other packs, in reverse, by one worker and by two.

    python benchmarks/pack_equality.py [--epochs 20]

Prints every trial's final losses by itself and how far they are from it elsewhere. Trials are those
of pack_equality-range; in reverse they are planned from the same file with every list turned round,
and found again by their ids. Beside the losses, every measure and every epoch is compared.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import measuring
import sweeping
from measuring import Figure
from sweeping import Swept

RANGE = Path(__file__).parent / "pack_equality-range"
GATE = 1e-6
"""The largest difference of a final loss in float32; what is seen on a CPU is none at all."""
LOSSES = ("train_loss", "val_loss", "test_loss")
ALONE = "alone"
WAYS: dict[str, tuple[bool, dict[str, int]]] = {  # in reverse?, variables of make
    ALONE: (False, {"PACK": 1, "PARALLEL": 2}),
    "alone, 1 worker": (False, {"PACK": 1, "PARALLEL": 1}),
    "as it comes": (False, {"PARALLEL": 2}),
    "as it comes, 1 worker": (False, {"PARALLEL": 1}),
    "PACK=3": (False, {"PACK": 3, "PARALLEL": 2}),
    "PACK=5, 1 worker": (False, {"PACK": 5, "PARALLEL": 1}),
    "PACK=5, reverse": (True, {"PACK": 5, "PARALLEL": 2}),
    "as it comes, reverse": (True, {"PARALLEL": 2}),
}


def main() -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("--epochs", type=int, default=20, help="of a trial (default: 20)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        by_way = {name: swept(Path(folder) / name, name, args.epochs) for name in WAYS}
        lines = table(by_way)
        figures = [
            Figure(f"largest difference of a loss, {name}", [difference(sweep, by_way[ALONE])], "")
            for name, sweep in by_way.items()
            if name != ALONE
        ]
        unlike = {name: _unlike(sweep, by_way[ALONE]) for name, sweep in by_way.items()}
        packs = [f"{name}: packs of {sweep.packs}" for name, sweep in by_way.items()]
    largest = max(figure.value for figure in figures)
    figures.append(Figure("largest difference of all", [largest], "", f"<= {GATE}"))
    figures.append(Figure("trials with any other measure or epoch", [sum(unlike.values())], ""))
    print("\n".join(lines))
    measuring.tell(args, figures, packs)
    return 0 if largest <= GATE else 1


def swept(place: Path, name: str, epochs: int) -> Swept:
    """The sweep in one of the ways."""
    place.mkdir()
    reverse, variables = WAYS[name]
    text = (
        _reversed(RANGE.read_text(encoding="utf-8"))
        if reverse
        else RANGE.read_text(encoding="utf-8")
    )
    (place / "range").write_text(text, encoding="utf-8")
    done = sweeping.sweep(place, place / "range", f"CONFIG_NUM_EPOCHS={epochs}\n", **variables)
    measuring.say(f"{name}: {done.whole:.1f} s, packs of {done.packs}")
    return done


def _reversed(text: str) -> str:
    """A range file with the values of every list the other way round."""

    def turned(match: re.Match[str]) -> str:
        return "=" + "|".join(reversed(match[1].split("|")))

    return re.sub(r"=(\S+\|\S+)", turned, text)


def losses(sweep: Swept) -> dict[str, dict[str, float]]:
    """Final losses by trial id; those of a trial that did not pass are missing."""
    return {
        trial.id: {name: float(result.measures[name]) for name in LOSSES if name in result.measures}
        for trial, result in sweep.results()
    }


def difference(sweep: Swept, other: Swept) -> float:
    """The largest difference of a final loss; infinite if the trials or the losses differ."""
    ours, theirs = losses(sweep), losses(other)
    if {key: set(value) for key, value in ours.items()} != {k: set(v) for k, v in theirs.items()}:
        return float("inf")
    return max(abs(ours[key][name] - theirs[key][name]) for key in ours for name in ours[key])


def table(by_way: dict[str, Swept]) -> list[str]:
    """A line a trial: what it is, its losses alone, and the largest difference in any way."""
    seen = {name: losses(sweep) for name, sweep in by_way.items()}
    rows = [
        (
            " ".join(f"{key}={value}" for key, value in trial.swept.items()),
            *(f"{seen[ALONE][trial.id].get(name, float('nan')):.7f}" for name in LOSSES),
            f"{max(_apart(seen[name].get(trial.id), seen[ALONE][trial.id]) for name in seen):.1e}",
        )
        for trial, _ in by_way[ALONE].results()
    ]
    return measuring.table(rows, ("trial", *LOSSES, "largest difference"))


def _apart(ours: dict[str, float] | None, theirs: dict[str, float]) -> float:
    if ours is None or set(ours) != set(theirs):
        return float("inf")
    return max((abs(ours[name] - theirs[name]) for name in ours), default=float("inf"))


def _unlike(sweep: Swept, other: Swept) -> int:
    ours, theirs = sweep.outcomes(), other.outcomes()
    return sum(ours.get(key) != value for key, value in theirs.items())


if __name__ == "__main__":
    sys.exit(main())
