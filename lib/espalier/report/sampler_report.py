"""Which sampler chose the configurations of a sweep, and how far one that learns is, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espalier.core.process.terminal import printable
from espalier.core.texts.count_text import count_text
from espalier.core.texts.shortening import keep_first, shorten
from espalier.plan.samplers.design_record import DrawRecord
from espalier.plan.samplers.design_text import describe_design
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord

RULE = "-" * 40
LISTED = 20
"""Lines on one sampler that a report has."""
LONGEST = 200
"""Characters of such a line at most."""
_TRUST = (
    "Each follows from the scores of those before it, so the best of them looks better than it is:",
    "  its test results, or seeds that the sweep has not, say how good it is.",
)
_LATER = "The others follow from results."


def render_sampler(design: Mapping[str, Any]) -> str:
    """Return the head of the report of a sampler that draws or learns, plain ASCII.

    Empty for a grid and an array, which take what they take whatever the seed. Raises ContentError
    for the design of a plan that is none.
    """
    record = DrawRecord.of(design)
    if record is None:
        return ""
    title = printable(f"SAMPLER ({record.sampler}, seed {record.seed}):")
    return "\n".join([title, RULE, *sampler_lines(design), "", ""])


def sampler_lines(design: Mapping[str, Any]) -> list[str]:
    """Return which sampler chose, how many and from which intervals; nothing for a grid.

    Lines that go on with the one before them are indented. Raises as `render_sampler` does.
    """
    record = DrawRecord.of(design)
    if record is None:
        return [describe_design(design)] if design else []
    learned = SamplerRecord.of(design)
    head = f"{proposals_line(learned)}, seed {record.seed}" if learned else describe_design(design)
    spans = (f"CONFIG_{name}: in {text}" for name, text in record.intervals.items())
    trust = _TRUST if learned else ()
    lines = keep_first([head, *spans], LISTED)
    return [*(shorten(printable(line), LONGEST) for line in lines), *trust]


def proposals_line(record: SamplerRecord) -> str:
    """Return a line such as `tpe: 23 of 50 configurations proposed; asked 25 times`."""
    proposed = (
        f"{record.sampler}: {len(record.proposals)} of {record.trials} configurations proposed"
    )
    again = f", {count_text(record.repeated, 'repeat')} left out" if record.repeated else ""
    refused = f", {record.refused} would not run" if record.refused else ""
    end = "; it proposes nothing new any more" if record.exhausted else ""
    return f"{proposed}{again}{refused}{end}"


def share_line(record: SamplerRecord) -> str:
    """Return of how many configurations an estimate is, and how much all of them are."""
    planned = len(record.proposals)
    some = f"That is of {planned} of {record.trials} configurations"
    if planned == record.trials:
        return f"{some}."
    return f"{some}; all take about {record.trials / planned:.1f} times that. {_LATER}"


def nothing_line(record: SamplerRecord) -> str:
    """Return that a sampler has nothing to learn from, since all that it proposed has failed."""
    failed = f"none of its {len(record.proposals)} configurations passed with a score"
    return f"{record.sampler}: {failed}, so there is nothing to learn from; no more are proposed"
