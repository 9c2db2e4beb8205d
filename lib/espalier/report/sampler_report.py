"""How far a sampler that learns is, for people."""

from __future__ import annotations

from espalier.core.texts.count_text import count_text
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord


def proposals_line(record: SamplerRecord) -> str:
    """Return a line such as `tpe: 23 of 50 configurations proposed; asked 25 times`."""
    proposed = (
        f"{record.sampler}: {len(record.proposals)} of {record.trials} configurations proposed"
    )
    again = f", {count_text(record.repeated, 'repeat')} left out" if record.repeated else ""
    refused = f", {record.refused} would not run" if record.refused else ""
    return f"{proposed}{again}{refused}{f'; {record.ended}' if record.ended else ''}"
