"""Files with a few changes at random, fed to the commands: no traceback and no hang.

    .venv/bin/python benchmarks/mutated_files.py [--files 10000] [--seed 1] [--only N]

The files are range files, `.config`, `plan.jsonl` and `sweep.db` (its bytes and its rows). Each is
read in this process by the commands that read it, nothing is trained, and the tree is parsed once.
A command may refuse with `error:` lines; a traceback, or more than `--limit` seconds, is a fault.
Case N of a seed is the same every time: `--only N` runs it alone and shows what it prints.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import measuring
import mutations
import torch  # noqa: F401 - a budget needs it, and the time to import it is no hang
from measuring import Figure

from espalier.__main__ import main as espalier
from espalier.core.trial import Result, Status
from espalier.kconfig import defconfigs, marks, tree
from espalier.plan import plan, planning
from espalier.store.results_dir import STORE
from espalier.store.store import Store

KINDS = ("range file", ".config", "plan.jsonl", "store bytes", "store rows")
CAP = ["--max-trials", "100"]
SMALL = """CONFIG_MODEL=mlp
CONFIG_OPTIMIZER=adamwprune|sgd
CONFIG_TARGET_SPARSITY=0.5|0.7
CONFIG_SEED=1|2
CONFIG_DATA_DIR="somewhere else"
"""


class HangError(BaseException):
    """A command took too long; no handler of errors catches it."""


@dataclass
class Corpus:
    """The whole files that are mutated, and where the mutated ones go."""

    texts: dict[str, list[str]]
    planned: Path
    swept: Path
    place: Path


@dataclass
class Outcome:
    """What one case came to; `fault` has the traceback."""

    kind: str
    number: int
    fault: str = ""
    printed: list[str] = field(default_factory=list)


def main() -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the changes (default: %(default)s)")
    parser.add_argument("--kind", choices=KINDS, help="files of this kind alone")
    parser.add_argument("--only", type=int, metavar="N", help="run this case and show its output")
    parser.add_argument(
        "--limit", type=float, default=10, help="seconds of computing (default: %(default)s)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, parsed_once():
        corpus = whole_files(Path(folder))
        if args.only is not None:
            return show(run_case(corpus, args.only, args))
        step = len(KINDS) if args.kind else 1
        first = KINDS.index(args.kind) if args.kind else 0
        numbers = range(first, first + step * args.files, step)
        outcomes = [run_case(corpus, number, args) for number in numbers]
    return report(args, outcomes)


@contextlib.contextmanager
def parsed_once() -> Iterator[None]:
    """Parse the tree and its help once: that costs more than all that is measured here."""
    whole, before, marks_of = tree.parse(), tree.parse, marks.of

    def parse(*_: Any) -> Any:
        whole.unset_values()
        return whole

    tree.parse, marks.of = parse, functools.cache(marks_of)
    try:
        yield
    finally:
        tree.parse, marks.of = before, marks_of


def whole_files(folder: Path) -> Corpus:
    """Return files of every format as the commands write them."""
    small, dotconfig = folder / "small", folder / ".config"
    small.write_text(SMALL, encoding="utf-8")
    os.environ["KCONFIG_CONFIG"] = str(dotconfig)
    quietly(["config", "defconfig"])
    ranges = [small, *defconfigs.ranges()]
    configs = [dotconfig, *defconfigs.presets()]
    texts = {
        kind: [path.read_text(encoding="utf-8") for path in paths]
        for kind, paths in {"range file": ranges, ".config": configs}.items()
    }
    planned, swept, place = (folder / name for name in ("planned", "swept", "place"))
    written = plan.write_plan(planning.plan_from_files([small]), planned)
    fill_store(written, planned, swept)
    return Corpus(texts, planned, swept, place)


def fill_store(written: plan.Plan, planned: Path, swept: Path) -> None:
    """Write the store of a sweep of which all but two trials have passed."""
    swept.mkdir()
    texts = plan.config_texts(planned, written.trials)
    rows = [(trial, text, f"{trial.name}_mlp") for trial, text in texts]
    Store.create(swept / STORE, written.header(), rows)
    with Store.open(swept / STORE) as store, store.writing():
        for number in range(1, len(rows) + 1):
            attempt = store.begin([number], 1, "cpu")[number]
            store.progress(number, attempt, {"epoch": 1, "val_loss": 0.5, "val_acc": 70.0})
            if number < len(rows):
                store.finish(number, attempt, result(number, len(rows)))


def result(number: int, last: int) -> Result:
    """Return the result of a trial: the last but one has failed."""
    if number == last - 1:
        return Result(Status.FAILED, "diverged", "the loss is nan")
    acc = 90.0 + number
    measures = {"val_acc": acc, "test_acc": acc - 1, "val_loss": 0.3, "final_sparsity": 0.5}
    history = [{"epoch": 1, "step": 10, "val_acc": acc, "val_loss": 0.3, "seconds": 0.1}]
    return Result(Status.PASSED, measures=measures, history=history)


def run_case(corpus: Corpus, number: int, args: argparse.Namespace) -> Outcome:
    """Mutate a file and give it to the commands that read it."""
    rng = random.Random(f"{args.seed}:{number}")
    kind = KINDS[number % len(KINDS)]
    outcome = Outcome(kind, number)
    shutil.rmtree(corpus.place, ignore_errors=True)
    corpus.place.mkdir()
    for command in PREPARE[kind](corpus, rng):
        try:
            with time_limit(args.limit):
                outcome.printed += [f"$ {' '.join(command)}", quietly(command)]
        except HangError:
            outcome.fault = f"HangError\n{' '.join(command)}\n{traceback.format_exc(limit=-6)}"
        except BaseException:  # noqa: BLE001 - whatever a command lets through is what is counted
            outcome.fault = f"{' '.join(command)}\n{traceback.format_exc(limit=-3, chain=False)}"
    return outcome


def range_file(corpus: Corpus, rng: random.Random) -> list[list[str]]:
    path = _mutated(corpus, "range file", rng)
    target = str(corpus.place / "plan")
    return [["sweep-generate", path, *CAP, "--output-dir", target], _difference(corpus, path)]


def dotconfig(corpus: Corpus, rng: random.Random) -> list[list[str]]:
    path = _mutated(corpus, ".config", rng)
    os.environ["KCONFIG_CONFIG"] = path
    return [
        ["sweep-generate", path, *CAP, "--output-dir", str(corpus.place / "plan")],
        _difference(corpus, path),
        ["config", rng.choice(("listnewconfig", "helpnewconfig"))],
        ["config", rng.choice(("olddefconfig", "defconfig"))],
    ]


def plan_lines(corpus: Corpus, rng: random.Random) -> list[list[str]]:
    folder = corpus.place / "plan"
    shutil.copytree(corpus.planned, folder)
    lines = (folder / plan.PLAN).read_text(encoding="utf-8").split("\n")
    text = "\n".join(lines)
    if rng.random() < 0.7:
        at = rng.randrange(len(lines))
        lines[at] = mutations.mutate_json_line(lines[at], rng)
        content = "\n".join(lines).encode("utf-8", "surrogatepass")
    else:
        content = mutations.mutate_text(text, rng)
    (folder / plan.PLAN).write_bytes(content)
    out = str(corpus.place / "out")
    return [["sweep-run", "--dry-run", "--config-dir", str(folder), "--output-dir", out]]


def store_bytes(corpus: Corpus, rng: random.Random) -> list[list[str]]:
    folder = _copied_sweep(corpus)
    path = folder / STORE
    path.write_bytes(mutations.mutate_bytes(path.read_bytes(), rng))
    return rng.sample(_readers(corpus, folder), 3)


def store_rows(corpus: Corpus, rng: random.Random) -> list[list[str]]:
    folder = _copied_sweep(corpus)
    mutations.mutate_rows(folder / STORE, rng)
    return rng.sample(_readers(corpus, folder), 3)


PREPARE: dict[str, Callable[[Corpus, random.Random], list[list[str]]]] = {
    "range file": range_file,
    ".config": dotconfig,
    "plan.jsonl": plan_lines,
    "store bytes": store_bytes,
    "store rows": store_rows,
}


def _mutated(corpus: Corpus, kind: str, rng: random.Random) -> str:
    path = corpus.place / "file"
    path.write_bytes(mutations.mutate_text(rng.choice(corpus.texts[kind]), rng))
    return str(path)


def _difference(corpus: Corpus, path: str) -> list[str]:
    return ["config", "diffconfig", str(corpus.planned / "config_001"), path]


def _copied_sweep(corpus: Corpus) -> Path:
    folder = corpus.place / "sweep"
    shutil.copytree(corpus.swept, folder)
    return folder


def _readers(corpus: Corpus, folder: Path) -> list[list[str]]:
    where = ["--dir", str(folder)]
    plan_folder = ["--config-dir", str(corpus.planned)]
    return [
        ["sweep-status", *where],
        ["sweep-leaderboard", *where],
        ["sweep-focus", *where, "--output-dir", str(corpus.place / "focus")],
        ["sweep-ladder", *where, "--symbol", "TARGET_SPARSITY"],
        ["sweep-lineage", *where],
        ["sweep-run", "--dry-run", *plan_folder, "--output-dir", str(folder)],
    ]


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise HangError in the block after so many seconds of computing, or ten times as many in all.

    The machine may be busy with other things.
    """

    def stop(*_: Any) -> None:
        raise HangError

    timers = {signal.ITIMER_PROF: signal.SIGPROF, signal.ITIMER_REAL: signal.SIGALRM}
    before = [signal.signal(number, stop) for number in timers.values()]
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 10 * seconds)
    try:
        yield
    finally:
        for (timer, number), handler in zip(timers.items(), before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def quietly(command: Sequence[str]) -> str:
    """Run a command and return what it prints; raise what it lets through."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = espalier(command)
    text = printed.getvalue()
    if code == 2 and not re.search(r"^error: ", text, re.M):
        raise AssertionError(f"exit code 2 without a line: {text!r}")
    if "\x1b" in text:
        raise AssertionError(f"an escape sequence was printed: {text!r}")
    return text


def show(outcome: Outcome) -> int:
    print("\n".join([outcome.kind, *outcome.printed, outcome.fault]))
    return 1 if outcome.fault else 0


def report(args: argparse.Namespace, outcomes: Sequence[Outcome]) -> int:
    """Print the three numbers; return the exit code."""
    hangs = [outcome for outcome in outcomes if outcome.fault.startswith("HangError")]
    raised = [outcome for outcome in outcomes if outcome.fault and outcome not in hangs]
    causes = Counter(f"{o.kind}: {o.fault.strip().splitlines()[-1][:150]}" for o in raised)
    for outcome in [*hangs, *raised][:20]:
        measuring.say(f"--only {outcome.number}: {outcome.kind}\n{outcome.fault}")
    counts = {"files": len(outcomes), "tracebacks": len(raised), "hangs": len(hangs)}
    goals = {"files": "", "tracebacks": "<= 0", "hangs": "<= 0"}
    kinds = ", ".join(f"{n} {kind}" for kind, n in Counter(o.kind for o in outcomes).items())
    figures = [Figure(name, [count], "", goals[name]) for name, count in counts.items()]
    measuring.tell(args, figures, [kinds, *(f"{n} x {cause}" for cause, n in causes.items())])
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    return 1 if raised or hangs else 0


if __name__ == "__main__":
    sys.exit(main())
