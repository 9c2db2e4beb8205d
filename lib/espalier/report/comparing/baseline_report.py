"""Differences to a chosen baseline: a part of sweep_analysis.txt, and sweep_baseline.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from espalier.analysis.comparing.against_baseline import AgainstBaseline, LevelMean
from espalier.analysis.controls import TIME, Comparison
from espalier.analysis.rank import Configuration
from espalier.core import strict_json
from espalier.core.texts.count_text import count_text
from espalier.core.trial import Record
from espalier.report.controls_report import (
    LISTED,
    Corrections,
    difference_text,
    numbers,
    pairs_text,
    timed_text,
    values_text,
)
from espalier.report.ranking_rows import describe_missed_target, describe_missing_seeds, settings
from espalier.report.sweep_summary import typed, typed_values
from espalier.report.templates import render

NAMED = 5  # configurations that a line names
MEANS = ("steps", TIME)
"""What else than live parameters may be unequal in the mean."""


def render_baseline(table: AgainstBaseline) -> str:
    """Return the part of the report, plain ASCII."""
    corrections = Corrections.of(table.compared, table.means)
    return render(
        "baseline.txt",
        LISTED=LISTED,
        table=table,
        by=table.by,
        means=table.means,
        packed=any(item.packed for item in table.compared),
        corrected=corrections.line,
        settings=lambda values: settings(dict(values)),
        level=_level,
        mean=lambda item: difference_text(item.difference, table.by, corrections.means[id(item)]),
        pairs=_mean_pairs,
        values=values_text,
        missing=describe_missing_seeds,
        missed_target=describe_missed_target,
        at_end=lambda item: difference_text(item.at_end, item.by, corrections.ends[id(item)]),
        at_time=lambda item: timed_text(item, corrections.times[id(item)]),
        unequal=_unequal_lines,
        left_out=left_out(table),
    )


def baseline_json(table: AgainstBaseline) -> str:
    """Return the text of sweep_baseline.json: strict JSON."""
    corrections = Corrections.of(table.compared, table.means)
    return strict_json.pretty(
        {
            "baseline": str(table.arm),
            "also_different": [f"CONFIG_{name}" for name in table.also],
            "by": table.by.name,
            "more_is_better": table.by.larger,
            "means": [_mean_record(item, corrections) for item in table.means],
            "configurations": [_record(item, corrections) for item in table.compared],
            "without_baseline": [item.first.name for item in table.alone],
            "several_baselines": [item.first.name for item in table.ambiguous],
        }
    )


def _level(item: LevelMean) -> str:
    return f"CONFIG_{item.level[0]}={item.level[1]}" if item.level else "over all"


def _unequal_lines(item: Comparison) -> Iterator[str]:
    for name, (own, base) in item.unequal.items():
        yield f"UNEQUAL {name.replace('_', ' ')}: {own:,.10g}, baseline {base:,.10g}"
    if item.unequal_time:
        own, base = item.unequal_time
        yield f"UNEQUAL total time: {own:,.3g}s, baseline {base:,.3g}s"


def mean_lines(table: AgainstBaseline) -> list[str]:
    """Return a line for each mean over configurations, with its difference and pairs."""
    p_values = Corrections.of([], table.means).means
    return [
        f"{' '.join(settings(dict(item.own)))}, {_level(item)}: "
        f"{difference_text(item.difference, table.by, p_values[id(item)])}; {_mean_pairs(item)}"
        for item in table.means
    ]


def compared_lines(table: AgainstBaseline) -> list[str]:
    """Return a line for each configuration that has a baseline, with its difference."""
    p_values = Corrections.of(table.compared, table.means).ends
    return [
        f"{item.arm.first.name}: {difference_text(item.at_end, item.by, p_values[id(item)])}"
        for item in table.compared
    ]


def left_out(table: AgainstBaseline) -> list[str]:
    """Return which configurations have no baseline, and which have several."""
    lines = {
        "Without a baseline that agrees in all else": table.alone,
        "Several are the baseline, of which the first in the plan is taken": table.ambiguous,
    }
    return [f"{what}: {_names(items)}" for what, items in lines.items() if items]


def _mean_pairs(item: LevelMean) -> str:
    return pairs_text(item, "the baseline's", *MEANS)


def _names(items: Sequence[Configuration]) -> str:
    """Return how many configurations there are, and the names of the first."""
    names = ", ".join(item.first.name for item in items[:NAMED])
    more = ", ..." * (len(items) > NAMED)
    return f"{count_text(len(items), 'configuration')} ({names}{more})"


def _mean_record(item: LevelMean, corrections: Corrections) -> Record:
    shares = {name: item.shares(name) for name in ("live_parameters", *MEANS)}
    level = {f"CONFIG_{item.level[0]}": typed(item.level[1])} if item.level else None
    return {
        "values": {f"CONFIG_{name}": typed(text) for name, text in item.own},
        "level": level,
        "pairs": len(item.compared),
        "equal_steps": numbers(item.difference, item.compared[0].by, corrections.means, item),
        "parts_of_baseline": {
            name: dict(zip(("least", "most"), both, strict=True)) if both else None
            for name, both in shares.items()
        },
    }


def _record(item: Comparison, corrections: Corrections) -> Record:
    unequal = dict(item.unequal) | ({TIME: item.unequal_time} if item.unequal_time else {})
    return {
        "config_file": item.arm.first.name,
        "values": typed_values(item.arm.first),
        "n": len(item.arm.scores),
        "planned": len(item.arm.results),
        "baseline_file": item.control.first.name,
        "equal_steps": numbers(item.at_end, item.by, corrections.ends, item),
        "equal_time": numbers(item.at_time, item.by, corrections.times, item),
        "equal_time_share_of_steps": item.share,
        "equal_time_unknown": item.untimed or None,
        "packed": item.packed,
        "unequal": {name: {"own": own, "baseline": base} for name, (own, base) in unequal.items()},
    }
