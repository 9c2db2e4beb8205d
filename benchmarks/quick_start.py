"""The quick start: the README's sweep from nothing planned to the report, and where the time goes.

    python benchmarks/quick_start.py [range file] [--rounds 3] [--only output]

Runs the two commands behind `make sweep` in fresh processes, with results in a temporary folder,
and splits the wall time: plan, start-up of the workers, training, and the rest (scheduling,
durable rows, reports). `--only output` runs it once and keeps what the README shows of its output.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import measuring
import sweeping
from measuring import Figure

from espalier.core.trial import Status

RANGE = "defconfigs/digits-adamwprune-range"
WHOLE = "whole"
OUTPUT = "output"
FOLDER = "test_matrix_results/sweep_YYYYMMDD_HHMMSS"
FILES = ("page: ", "report: ")


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


def excerpt(said: str) -> str:
    """What the README shows of what a sweep prints, in a block of code: a trial, and the end."""
    lines = said.splitlines()
    trials = [place for place, line in enumerate(lines) if line.startswith("[")]
    end = [_in_folder(line) if line.startswith(FILES) else line for line in lines[trials[-1] :]]
    return "\n".join(["```text", lines[trials[0]], "...", *end, "```"])


def _in_folder(line: str) -> str:
    """A line that names a file of a sweep, as if `make` had run it."""
    what, path = line.split(": ", 1)
    return f"{what}: {FOLDER}/{Path(path).name}"


def show(args: argparse.Namespace) -> None:
    """Run the sweep once and keep the excerpt of its output."""
    with tempfile.TemporaryDirectory() as place:
        swept = sweeping.sweep(Path(place), args.range_file)
        trials = len(swept.results())
    texts = {OUTPUT: excerpt(swept.said)}
    measuring.tell(args, [Figure("trials", [trials], "")], [args.range_file], texts=texts)


def main() -> None:
    parser = measuring.parser(__doc__, rounds=3)
    parser.add_argument("range_file", nargs="?", default=RANGE)
    parser.add_argument("--only", choices=[OUTPUT], help="what the README shows, without times")
    args = parser.parse_args()
    if args.only:
        return show(args)
    seen: list[dict[str, float]] = []

    def measure(place: Path) -> float:
        seen.append(parts(place, args.range_file))
        return seen[-1][WHOLE]

    measuring.interleaved({args.range_file: measure}, args.rounds)
    figures = [Figure(name, [times[name] for times in seen], "s") for name in seen[0]]
    measuring.tell(args, figures, [f"{args.range_file}, every trial passed"])


if __name__ == "__main__":
    main()
