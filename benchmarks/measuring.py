"""What the benchmarks share: rounds that interleave, medians with their spread, one form of result.

A program names its figures, `tell` prints them as a table and, with --json FILE, writes them down
with the machine, the versions and the commit. collect.py gathers those files.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scipy.special import betaincinv

from espalier.analysis.confidence import LEVEL, interval
from espalier.analysis.multiple_tests import holm, paired_p
from espalier.analysis.power import detectable_difference
from espalier.core import revision

Record = dict[str, Any]
Measure = Callable[[Path], float]
"""A function of an empty folder, which is removed afterwards, to the value measured."""
BEGAN = time.perf_counter()


@dataclass(frozen=True)
class Figure:
    """One thing measured: every value seen, and the goal for their median (`>= 15`, `<= 5`).

    Values that are paired differences name the `family` of comparisons that are decided together.
    """

    what: str
    values: Sequence[float]
    unit: str
    goal: str = ""
    family: str = ""

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if not self.goal:
            return None
        sign, limit = self.goal.split()
        return self.value >= float(limit) if sign == ">=" else self.value <= float(limit)

    def as_json(self) -> Record:
        """This figure as collect.py takes it."""
        estimate = interval(list(self.values))
        assert estimate is not None
        return {
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "n": len(self.values),
            "spread": [min(self.values), max(self.values)],
            "mean": estimate.mean,
            "half_width": estimate.half_width,
            "values": list(self.values),
            "family": self.family,
            "goal": self.goal,
            "met": self.met,
        }


def parser(doc: str | None, rounds: int = 0) -> argparse.ArgumentParser:
    """A program's command line: --json and, where there are any, --rounds."""
    made = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write what was measured there")
    if rounds:
        made.add_argument("--rounds", type=int, default=rounds, help="(default: %(default)s)")
    made.set_defaults(program=Path(sys.argv[0]).stem, about=(doc or "").splitlines()[0])
    return made


def of_seeds(doc: str | None) -> argparse.ArgumentParser:
    """The same for sweeps of arms paired by seed: --seeds and --keep, see `place`."""
    made = parser(doc)
    made.add_argument("--seeds", type=int, default=10, help="(default: %(default)s)")
    made.add_argument("--keep", type=Path, help="sweeps there are read, others stay there")
    return made


@contextmanager
def place(args: argparse.Namespace) -> Iterator[Path]:
    """The folder that --keep names, made if it is not there; else one that is removed."""
    with tempfile.TemporaryDirectory() as folder:
        kept: Path = args.keep or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        yield kept


def interleaved(candidates: Mapping[str, Measure], rounds: int) -> dict[str, list[float]]:
    """Every candidate once a round, so that they share the machine's moods; values by name.

    Every other round goes backwards, so that none always follows the same other.
    """
    seen: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(1, rounds + 1):
        for name, measure in list(candidates.items())[:: 1 if number % 2 else -1]:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
                seen[name].append(measure(Path(place)))
            say(f"round {number} of {rounds}: {name}: {seen[name][-1]:.4g}")
    return seen


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Round by round, the one over the other."""
    return [a / b for a, b in zip(above, below, strict=False)]


def say(text: str) -> None:
    """A line about how far it is, on stderr: the table is what is printed."""
    print(text, file=sys.stderr, flush=True)


def share_interval(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a chance in 0..1, from how often in independent tries it came.

    Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits".
    """
    low = float(betaincinv(count, of - count + 1, (1 - LEVEL) / 2)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, (1 + LEVEL) / 2)) if count < of else 1.0
    return low, high


def tell(
    args: argparse.Namespace,
    figures: Sequence[Figure],
    notes: Sequence[str] = (),
    gpu: str = "",
    texts: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Print the figures as a table and write them where --json says, with texts for the pages."""
    here = machine(gpu)
    record = {
        "name": record_name(args),
        "about": args.about,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - BEGAN, 1),
        "machine": here,
        "load": round(os.getloadavg()[0], 1),
        "versions": revision.versions(),
        "code": revision.code().as_json(),
        "figures": [figure.as_json() for figure in figures],
        "notes": list(notes),
        "texts": dict(texts),
    }
    print(f"{args.program}: {here['name']}, load {record['load']}")
    print("\n".join(table([row(figure) for figure in record["figures"]], HEAD)))
    print("".join(f"  {note}\n" for note in notes), end="", flush=True)
    if args.json:
        args.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def record_name(args: argparse.Namespace) -> str:
    """Return what a record is called: the program, and the part or data set that it was run for."""
    parts = [getattr(args, option, None) for option in ("only", "dataset")]
    return ".".join([args.program, *(part for part in parts if isinstance(part, str))])


def summarize(figure: Figure, places: int = 2) -> str:
    """Return the mean and 95 % t-interval of a figure, not corrected for how many there are."""
    estimate = interval(list(figure.values))
    assert estimate is not None
    half = estimate.half_width
    width = "no interval" if half is None else f"+/- {half:.{places}f}"
    sign = "+" if figure.unit == "points" or figure.family else ""
    mean = f"{estimate.mean:{sign}.{places}f} {figure.unit}".rstrip()
    return f"{figure.what}: {mean} {width} (n={estimate.n})"


def summaries(figures: Sequence[Figure], places: int = 2) -> list[str]:
    """Return the summary of each figure; those of a family with p, by itself and after Holm.

    And the difference that so many seeds detect with a power of 80 %, by the deviation seen.
    """
    judged = _judged(figures)
    return [summarize(f, places) + judged.get(i, "") for i, f in enumerate(figures)]


def _judged(figures: Sequence[Figure]) -> dict[int, str]:
    """What is said of the p-values of each comparison, by its place among `figures`."""
    families: dict[str, list[int]] = {}
    for place, figure in enumerate(figures):
        if figure.family:
            families.setdefault(figure.family, []).append(place)
    said = {}
    for places in families.values():
        p_values = [paired_p(figures[i].values) for i in places]
        corrected = holm(p_values, len(places))
        for i, p, after in zip(places, p_values, corrected, strict=True):
            said[i] = f"; p {p:.2g}, {after:.2g} after Holm over {len(places)}{_seen(figures[i])}"
    return said


def _seen(figure: Figure) -> str:
    """The difference that as many seeds would show, in words."""
    if len(figure.values) < 2:
        return ""
    least = detectable_difference(statistics.stdev(figure.values), len(figure.values))
    return f"; detectable {shown(least)}"


HEAD = ("what", "median", "unit", "n", "min", "max", "goal", "met")


def row(figure: Record) -> tuple[str, ...]:
    """A figure's cells, in the order of HEAD."""
    low, high = figure["spread"]
    met = {True: "yes", False: "NO", None: ""}[figure["met"]]
    numbers = (shown(figure["value"]), figure["unit"], str(figure["n"]), shown(low), shown(high))
    return (figure["what"], *numbers, figure["goal"], met)


def shown(value: float) -> str:
    """Three digits that count, and no exponent where people would not write one."""
    if value == 0 or 0.001 <= abs(value) < 1000:
        return f"{value:.3g}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.2e}"


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = ()) -> list[str]:
    """Rows as lines of aligned columns: the first to the left, the others to the right."""
    cells = [head, *rows] if head else list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    first, *others = widths
    return [
        "  ".join(
            [line[0].ljust(first), *(c.rjust(w) for c, w in zip(line[1:], others, strict=True))]
        )
        for line in cells
    ]


def machine(gpu: str = "") -> Record:
    """What it was measured on: the processor and its cores, and the GPU if that was measured."""
    cpu, cores = _cpu(), os.cpu_count()
    name = gpu or f"{cpu}, {cores} cores"
    return {"name": name, "cpu": cpu, "cores": cores, "gpu": gpu, "system": platform.system()}


def _cpu() -> str:
    """The processor as its maker calls it, as far as the system tells."""
    about = Path("/proc/cpuinfo")
    match = (
        re.search(r"^model name\s*: (.+)$", about.read_text(encoding="utf-8"), re.M)
        if about.exists()
        else None
    )
    return " ".join(match[1].split()) if match else platform.processor() or platform.machine()
