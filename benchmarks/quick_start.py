"""The quick start: the README's sweep from nothing planned to the report, and where the time goes.

    python benchmarks/quick_start.py [range file] [--rounds 3]

Runs the two commands behind `make sweep` in fresh processes, with results in a temporary folder,
and splits the wall time: plan, start-up of the workers, training, and the rest (scheduling,
durable rows, reports).
"""

from __future__ import annotations

from pathlib import Path

import measuring
import sweeping
from measuring import Figure

from espalier.core.trial import Status

RANGE = "defconfigs/digits-adamwprune-range"
WHOLE = "whole"


def parts(place: Path, range_file: str) -> dict[str, float]:
    """Seconds of each part of one quick start, and of the whole."""
    swept = sweeping.sweep(place, range_file)
    attempts, results = swept.attempts(), [result for _, result in swept.results()]
    bad = [result for result in results if result.status is not Status.PASSED]
    if bad:
        raise SystemExit(f"{len(bad)} of {len(results)} trials did not pass: {bad[0].message}")
    workers = len({attempt.worker for attempt in attempts})
    start_up = min(attempt.started for attempt in attempts) - swept.started
    training = sum(float(result.measures["total_time"]) for result in results) / workers
    return {
        "plan": swept.plan,
        "start-up of the workers": start_up,
        f"training ({workers} workers)": training,
        "scheduling, rows, reports, exit": swept.run - start_up - training,
        WHOLE: swept.whole,
    }


def main() -> None:
    parser = measuring.parser(__doc__, rounds=3)
    parser.add_argument("range_file", nargs="?", default=RANGE)
    args = parser.parse_args()
    seen: list[dict[str, float]] = []

    def measure(place: Path) -> float:
        seen.append(parts(place, args.range_file))
        return seen[-1][WHOLE]

    measuring.interleaved({args.range_file: measure}, args.rounds)
    figures = [Figure(name, [times[name] for times in seen], "s") for name in seen[0]]
    measuring.tell(args, figures, [f"{args.range_file}, every trial passed"])


if __name__ == "__main__":
    main()
