"""How far a sampler that learns is, for people."""

from __future__ import annotations

from espalier.core.texts.count_text import count_text
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord

RULE = "-" * 40
_TRUST = (
    "Each follows from the scores of those before it, so the best of them looks better than it is:",
    "its test results, or seeds that the sweep has not, say how good it is.",
)
_LATER = "The others follow from results."


def render_sampler(record: SamplerRecord) -> str:
    """Return the head of the report of a sampler that learns, plain ASCII."""
    title = f"SAMPLER ({record.sampler}, seed {record.seed}):"
    lines = [title, RULE, proposals_line(record), *_TRUST, ""]
    return "\n".join([*lines, ""])


def proposals_line(record: SamplerRecord) -> str:
    """Return a line such as `tpe: 23 of 50 configurations proposed; asked 25 times`."""
    proposed = (
        f"{record.sampler}: {len(record.proposals)} of {record.trials} configurations proposed"
    )
    again = f", {count_text(record.repeated, 'repeat')} left out" if record.repeated else ""
    refused = f", {record.refused} would not run" if record.refused else ""
    return f"{proposed}{again}{refused}{f'; {record.ended}' if record.ended else ''}"


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
