"""A loop that adopts whatever `verdict` calls better, offered nothing but changes of seeds.

    .venv/bin/python benchmarks/greedy_loop.py [--offers 500] [--seeds 10] [--processes 20]

Each offer is a sweep of two configurations on seeds of its own: the one adopted last, and the same
one with another learning rate, which the stub that stands in for training does not read. Both are
alike, so whatever is adopted is a mistake. The loop plans with `sweep-generate`, runs with
`sweep-run` and gates on the exit code of `verdict`. For the first --processes offers each of these
is a command of its own, for the others the same verbs are called within this process.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import measuring
import sweeping
from measuring import Figure

import espalier.__main__
from espalier.core.errors import UserError
from espalier.core.paths import ROOT

HERE = Path(__file__).parent
BETTER, WORSE, EQUIVALENT, UNDECIDED = range(4)
ENTRY = "alike_trial:alike"
RATE = 0.0001  # the learning rate of the first configuration; each offer has the next multiple
FORM = """CONFIG_MODEL_SELECT_MLP=y
CONFIG_DATASET_SELECT_DIGITS=y
CONFIG_LEARNING_RATE={adopted}|{offered}
CONFIG_SEED={first}:1:{last}
"""


def main() -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("--offers", type=int, default=500, help="(default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=10, help="of an offer (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=20, help="(default: %(default)s)")
    args = parser.parse_args()
    sys.path.insert(0, str(HERE))  # where the entry is
    for name in sweeping.VARIABLES:
        os.environ.pop(name, None)  # ALPHA would set that of every verdict
    os.environ["PYTHONPATH"] = str(HERE)
    adopted, codes = rate(0), []
    for offer in range(args.offers):
        offered = rate(offer + 1)
        codes.append(ask(adopted, offered, offer, args.seeds, offer < args.processes))
        adopted = offered if codes[-1] == BETTER else adopted
        if (offer + 1) % 50 == 0:
            measuring.say(f"{offer + 1} offers, {codes.count(BETTER)} adopted")
    return report(args, codes)


def rate(offer: int) -> str:
    return f"{RATE * (offer + 1):.4f}"


def ask(adopted: str, offered: str, offer: int, seeds: int, processes: bool) -> int:
    """Run the sweep of an offer; return the exit code of `verdict`."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        first = 1 + offer * seeds
        text = FORM.format(adopted=adopted, offered=offered, first=first, last=first + seeds - 1)
        (place / "range").write_text(text, encoding="utf-8")
        plan, results = str(place / "plan"), str(place / "results")
        call = command if processes else within
        call("sweep-generate", str(place / "range"), "--output-dir", plan)
        run = ("sweep-run", "--config-dir", plan, "--output-dir", results, "--entry", ENTRY)
        call(*run, "--in-process")
        sides = ("--a", f"LEARNING_RATE={offered}", "--b", f"LEARNING_RATE={adopted}")
        return call("verdict", *sides, "--sweep", results, allowed=range(4))


def command(*arguments: str, allowed: range = range(1)) -> int:
    """Run a verb as a command of its own; ends the program on any other exit code."""
    line = [sys.executable, "-m", "espalier", *arguments]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    return checked(done.returncode, allowed, done.stdout + done.stderr)


def within(*arguments: str, allowed: range = range(1)) -> int:
    """Run a verb in this process."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = espalier.__main__.run(arguments)
        except UserError as error:
            code = len(allowed)
            print(error)
    return checked(code, allowed, said.getvalue())


def checked(code: int, allowed: range, said: str) -> int:
    if code not in allowed:
        sys.exit(said)
    return code


def report(args: argparse.Namespace, codes: list[int]) -> int:
    adopted, offers = codes.count(BETTER), len(codes)
    low, high = measuring.share_interval(adopted, offers)
    figures = [
        Figure("offers", [offers], ""),
        Figure("adopted", [100 * adopted / offers], "%", "<= 5"),
        Figure("lower end of its 95% interval", [100 * low], "%"),
        Figure("upper end of its 95% interval", [100 * high], "%"),
        Figure("called worse", [100 * codes.count(WORSE) / offers], "%"),
        Figure("undecided", [100 * codes.count(UNDECIDED) / offers], "%"),
    ]
    some = f"{args.processes} of them by commands, the others by the same verbs in one process"
    measuring.tell(args, figures, [f"{args.seeds} seeds an offer; {some}"])
    return 0 if all(figure.met is not False for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
