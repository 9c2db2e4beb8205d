"""The trials of a report that came to no number: what failed, each reason once, and what passed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from espalier.analysis.rank import Configuration, TrialResult
from espalier.core.text_files import split_lines

NAMED = 3  # of several, those that are named


def grouped_failures(failed: Iterable[TrialResult]) -> list[list[TrialResult]]:
    """Return trials that failed, those that say the same together, in order of the first."""
    groups: dict[tuple[str, str], list[TrialResult]] = {}
    for item in failed:
        groups.setdefault((_status(item), _message(item)), []).append(item)
    return list(groups.values())


def failure_line(group: Sequence[TrialResult]) -> str:
    """Return what trials say, once, and which they are."""
    first = group[0]
    if len(group) > 1:
        said = f"{len(group)} x {_status(first)}: {_message(first)}"
        return f"{said}\n   {name_trials(group)}"
    attempts = f"{first.attempts} attempt{'s' * (first.attempts != 1)}"
    return f"{name_trials(group)}: {_status(first)}, {attempts}: {_message(first)}"


def name_trials(items: Sequence[TrialResult]) -> str:
    """Return the first trials with their seeds, and how many more there are."""
    names = ", ".join(f"{item.trial.name} (seed {item.seed})" for item in items[:NAMED])
    return names + f" and {len(items) - NAMED} more" * (len(items) > NAMED)


def name_configurations(items: Sequence[Configuration]) -> str:
    """Return the first configurations, and how many more there are."""
    names = ", ".join(item.first.name for item in items[:NAMED])
    return names + f" and {len(items) - NAMED} more" * (len(items) > NAMED)


def _status(item: TrialResult) -> str:
    return f"{item.result.status} ({item.result.reason})"


def _message(item: TrialResult) -> str:
    """Return the last line of a message: that of an exception."""
    return (split_lines(item.result.message.strip()) or ["no message"])[-1]
