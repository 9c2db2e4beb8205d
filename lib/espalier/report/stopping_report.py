"""What was stopped early, and where: a head of sweep_analysis.txt, sweep_stopped.json, a line."""

from __future__ import annotations

import math
from collections.abc import Iterator

from espalier.analysis.rank import swept_values
from espalier.analysis.stopping.rung_standing import Rung, RungEntry, StopStanding
from espalier.core import strict_json
from espalier.core.texts.count_text import count_text
from espalier.core.trial import Record
from espalier.plan.stopping.stop_rules import RungRule
from espalier.report.ranking_rows import settings
from espalier.report.sweep_summary import typed_values
from espalier.report.templates import render

LISTED = 10
"""Configurations of a rung that are named in the text; all are in the JSON file."""


def render_stopping(standing: StopStanding) -> str:
    """Return the head of the report, plain ASCII."""
    return render(
        "stopping.txt",
        LISTED=LISTED,
        standing=standing,
        rule=describe_rule(standing),
        spent=describe_epochs(standing),
        underway=describe_underway(standing),
        mixed=any(len({entry.percent for entry in rung.entries}) > 1 for rung in standing.rungs),
        heading=rung_heading,
        line=lambda entry: entry_line(entry, standing),
    )


def stopping_json(standing: StopStanding) -> str:
    """Return the text of sweep_stopped.json: strict JSON."""
    rules = standing.rules
    return strict_json.pretty(
        {
            "rule": rules.rule,
            "by": rules.by.spelled,
            "epochs_trained": standing.trained,
            "epochs_of_all": standing.full,
            "configurations": standing.configurations,
            "complete": standing.complete,
            "underway": standing.underway,
            "rungs": [_record(rung) for rung in standing.rungs],
        }
    )


def describe_rule(standing: StopStanding) -> str:
    """Return how it is decided who goes on, in words."""
    rules = standing.rules
    best = f"the best {rules.keep}" if rules.keep else f"the best 1/{rules.reduction}"
    judged = ", each among those judged before it" if rules.rule is RungRule.ASHA else ""
    return f"{rules.rule}: {best} by {rules.by.label} go on{judged}"


def describe_epochs(standing: StopStanding) -> str:
    """Return how many epochs those that have ended took, of those of all trials in full."""
    share = 100 * standing.trained / standing.full if standing.full else 0.0
    return f"{standing.trained} of {standing.full} ({share:.1f}%)"


def stop_lines(standing: StopStanding) -> list[str]:
    """Return by which rule, what was stopped where, and what came to its end, a line each."""
    complete = f"{standing.complete} of {count_text(standing.configurations, 'configuration')}"
    head = f"{complete} came to the end; epochs taken: {describe_epochs(standing)}"
    underway = list(filter(None, [describe_underway(standing)]))
    return [describe_rule(standing), head, *underway, *map(rung_heading, standing.rungs)]


def describe_underway(standing: StopStanding) -> str:
    """Return how many configurations have not ended, and so are at no rung; empty for none."""
    if not standing.underway:
        return ""
    are = "are" if standing.underway > 1 else "is"
    return f"{count_text(standing.underway, 'configuration')} {are} under way, and not counted here"


def rung_heading(rung: Rung) -> str:
    """Return how many came to a rung, and how many of them were stopped there."""
    came = count_text(len(rung.entries), "configuration")
    return f"after epoch {rung.epoch}: {came}, {rung.stopped} stopped"


def entry_line(entry: RungEntry, standing: StopStanding) -> str:
    """Return a configuration with its score at the rung and its swept values."""
    values = " ".join(settings(swept_values(entry.first)))
    score = standing.rules.by.with_unit(entry.score) if math.isfinite(entry.score) else "no score"
    sparse = f" at {entry.percent}% sparsity" if entry.percent else ""
    less = f", without {count_text(entry.missing, 'seed')} in error" if entry.missing else ""
    return f"{entry.first.name} {values}: {score}{sparse}{less}" + ", stopped" * entry.stopped


def _record(rung: Rung) -> Record:
    return {"epoch": rung.epoch, "stopped": rung.stopped, "configurations": [*_entries(rung)]}


def _entries(rung: Rung) -> Iterator[Record]:
    for entry in rung.entries:
        yield {
            "config_file": entry.first.name,
            "swept": typed_values(entry.first),
            "score": strict_json.finite(entry.score),
            "sparsity_percent": entry.percent,
            "stopped": entry.stopped,
            "seeds_missing": entry.missing,
        }
