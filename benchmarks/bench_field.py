"""The quick benches of the field: every arm against its control, paired by seed, in one table each.

    python benchmarks/bench_field.py --only pruning [--keep FOLDER]

Each runs `defconfigs/bench-<field>-quick-range` by the command line, as a user does. A figure's
values are differences of the measure that the bench is ranked by, one a seed: an arm minus the
bench's baseline. All of a bench are one family for Holm's correction. The notes have the claim of
the range file as the report judged it; for pages there are two texts, the table of arms and the
claim. Seconds are those of the whole command.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import measuring
import sweeping
from measuring import Figure

from espalier.analysis.confidence import interval
from espalier.analysis.multiple_tests import holm, paired_p
from espalier.core.paths import ROOT
from espalier.core.trial import Result, Trial

METHOD = "PRUNING_METHOD"
ANALYSIS = "sweep_analysis.txt"
Arms = Mapping[str, Mapping[str, Result]]
"""The name of an arm -> seed -> what came of it."""


class Column(NamedTuple):
    """What an arm is or costs, as a column of the table."""

    title: str
    measure: str
    scale: float  # the unit of the title
    decimals: int


SUMS = (
    Column("live parameters", "live_parameters", 1.0, 0),
    Column("GFLOPs", "flops_total", 1e9, 1),
)


@dataclass(frozen=True)
class Bench:
    """What a bench of the field is compared by, with what, and which symbols tell arms apart."""

    by: str
    baseline: str  # the name of an arm
    told_apart: Mapping[str, str]  # symbol -> what stands before its value in the name of an arm
    left_out: Sequence[str] = ()  # values that a name does without


BENCHES = {
    "pruning": Bench(
        "val_acc",
        "magnitude, gradual",
        {METHOD: "", "PRUNING_TIMING": "", "OPTIMIZER": "by "},
        ["adamw"],
    ),
    "sparse": Bench("val_acc", "static", {METHOD: ""}),
    "plasticity": Bench(
        "mean_val_acc",
        "none",
        {
            METHOD: "",
            "SHRINK_PERTURB_NOISE": "noise ",
            "APOPTOSIS_VICTIMS": "victims ",
            "SNR_VICTIMS": "victims ",
        },
        ["rule", "silent"],
    ),
    "growth": Bench("val_acc", "random_neurons", {METHOD: ""}),
    "dendrites": Bench("val_acc", "sann", {"DENDRITIC_ANN_KIND": ""}),
}


def name_of(bench: Bench, trial: Trial) -> str:
    """Return the name of a trial's arm: the values that tell it apart, joined by commas."""
    values = [(word, trial.config.get(symbol, "")) for symbol, word in bench.told_apart.items()]
    named = [word + value for word, value in values if value and value not in bench.left_out]
    return ", ".join(named)


def differences(bench: Bench, arms: Arms, name: str) -> list[float]:
    """Return the measure of an arm minus that of the baseline, seed by seed."""

    def measured(result: Result) -> float:
        return float(result.measures[bench.by])

    return sweeping.apart(measured, arms[name], arms[bench.baseline])


def figures(field: str, bench: Bench, arms: Arms) -> Iterator[Figure]:
    """Yield every arm against the baseline, the best first."""
    gaps = {name: differences(bench, arms, name) for name in arms if name != bench.baseline}
    for name in sorted(gaps, key=lambda each: -statistics.fmean(gaps[each])):
        what = f"{bench.by}: {name} - {bench.baseline}"
        yield Figure(what, gaps[name], "points", family=field)


def table(bench: Bench, arms: Arms, compared: Sequence[Figure]) -> str:
    """Return the arms as rows of Markdown: n, measure, difference, corrected p, size and work."""
    every = [result.measures for arm in arms.values() for result in arm.values()]
    sums = [column for column in SUMS if all(column.measure in each for each in every)]
    titles = ["arm", "n", bench.by, "difference", "p", *(column.title for column in sums)]
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)]]
    lines.append(_row(bench, arms, bench.baseline, ["baseline", ""], sums))
    corrected = holm([paired_p(figure.values) for figure in compared], len(compared))
    for figure, p in zip(compared, corrected, strict=True):
        name = figure.what.removeprefix(f"{bench.by}: ").removesuffix(f" - {bench.baseline}")
        lines.append(_row(bench, arms, name, [_interval(figure.values), f"{p:.2g}"], sums))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _row(
    bench: Bench, arms: Arms, name: str, compared: Sequence[str], sums: Sequence[Column]
) -> list[str]:
    passed = list(arms[name].values())
    level = f"{_mean(passed, bench.by):.2f}"
    more = [f"{_mean(passed, each.measure) / each.scale:,.{each.decimals}f}" for each in sums]
    return [name, str(len(passed)), level, *compared, *more]


def _mean(passed: Sequence[Result], measure: str) -> float:
    return statistics.fmean(float(result.measures[measure]) for result in passed)


def _interval(values: Sequence[float]) -> str:
    estimate = interval(list(values))
    assert estimate is not None
    half = "" if estimate.half_width is None else f" +/- {estimate.half_width:.2f}"
    return f"{estimate.mean:+.2f}{half}"


def claimed(place: Path) -> str:
    """Return what the report of a sweep says of its claims, as a block of text."""
    report = (place / sweeping.RESULTS / ANALYSIS).read_text(encoding="utf-8")
    block = report.partition("CLAIMS:\n")[2].partition("\n\n")[0].strip("-\n")
    return f"```text\n{block}\n```"


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--only", choices=BENCHES, required=True, help="the bench that is run")
    parser.add_argument("--keep", type=Path, help="a sweep there is read, another stays there")
    args = parser.parse_args()
    bench = BENCHES[args.only]
    with measuring.place(args) as place:
        seconds = []
        if not sweeping.attempts(place):
            range_file = ROOT / "defconfigs" / f"bench-{args.only}-quick-range"
            seconds = [sweeping.whole(place, range_file).run]
        arms = sweeping.arms(place, partial(name_of, bench))
        texts = {"claims": claimed(place)}
    made = list(figures(args.only, bench, arms))
    texts["arms"] = table(bench, arms, made)
    timed = [Figure("seconds", seconds, "s")] if seconds else []
    trials = Figure("trials", [sum(map(len, arms.values()))], "")
    measuring.tell(args, [*timed, trials, *made], measuring.summaries(made), texts=texts)


if __name__ == "__main__":
    main()
