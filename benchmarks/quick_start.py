"""The quick start: the README's sweep from nothing planned to the report, and where the time goes.

    python benchmarks/quick_start.py [range file] [--rounds 3] [--only output]

Runs the command behind `make sweep` in fresh processes, with results in a temporary folder, and
splits the wall time: until the first task begins, from then to the first trial (how many to train
as one program is measured), training, and the rest (scheduling, durable rows, reports). Beside it a
process that imports torch and ends. What no sweep could do without is that import and the training.
`--only output` runs it once and keeps what the README shows of its output.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import measuring
import sweeping
from measuring import Figure

from espalier.core.trial import Status

RANGE = "defconfigs/digits-adamwprune-range"
START, TRAINING, WHOLE = "plan and start, to the first trial", "training", "whole"
TORCH = "an import of torch"
OUTPUT = "output"
FOLDER = "test_matrix_results/sweep_YYYYMMDD_HHMMSS"
FILES = ("page: ", "report: ")


def parts(place: Path, range_file: str) -> dict[str, float]:
    """Seconds of each part of one quick start, and of the whole."""
    swept = sweeping.whole(place, range_file)
    attempts, results = swept.attempts(), [result for _, result in swept.results()]
    bad = [result for result in results if result.status is not Status.PASSED]
    if bad:
        raise SystemExit(f"{len(bad)} of {len(results)} trials did not pass: {bad[0].message}")
    workers = len({attempt.worker for attempt in attempts})
    start_up = min(attempt.started for attempt in attempts) - swept.started
    training = sum(float(result.measures["total_time"]) for result in results) / workers
    return {
        START: start_up,
        TRAINING: training,
        "scheduling, rows, reports, exit": swept.run - start_up - training,
        WHOLE: swept.whole,
    }


def torch_import() -> float:
    """Seconds of a process that imports torch."""
    clock = perf_counter()
    subprocess.run([sys.executable, "-P", "-c", "import torch"], check=True)
    return perf_counter() - clock


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
        swept = sweeping.whole(Path(place), args.range_file)
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

    both = {args.range_file: measure, TORCH: lambda _: torch_import()}
    imports = measuring.interleaved(both, args.rounds)[TORCH]
    figures = [Figure(name, [times[name] for times in seen], "s") for name in seen[0]]
    least = [times[TRAINING] + seconds for times, seconds in zip(seen, imports, strict=True)]
    over = measuring.ratios([times[WHOLE] for times in seen], least)
    figures += [
        Figure(TORCH, imports, "s"),
        Figure("whole over one import of torch and the training", over, "x", "<= 1.5"),
    ]
    measuring.tell(args, figures, [f"{args.range_file}, every trial passed"])


if __name__ == "__main__":
    main()
