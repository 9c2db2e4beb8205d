"""The trials of a report that came to no number: what failed, each reason once, and what passed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from espalier.analysis.rank import Configuration, TrialResult
from espalier.core.text_files import split_lines
from espalier.core.texts.count_text import count_text
from espalier.core.trial import Status

NAMED = 3  # of several, those that are named
ENDED_BADLY = (Status.FAILED, Status.ERROR)


class CommonFailures(NamedTuple):
    """The groups of the most trials, and how many trials did not pass for other reasons."""

    groups: list[list[TrialResult]]
    rest: int


def not_passed(results: Iterable[TrialResult]) -> list[TrialResult]:
    """Return the trials that have ended and did not pass."""
    return [item for item in results if item.result.status in ENDED_BADLY]


def grouped_failures(failed: Iterable[TrialResult]) -> list[list[TrialResult]]:
    """Return trials that failed, those that say the same together, in order of the first."""
    groups: dict[tuple[str, str], list[TrialResult]] = {}
    for item in failed:
        groups.setdefault((_status(item), _message(item)), []).append(item)
    return list(groups.values())


def common_failures(failed: Iterable[TrialResult], limit: int) -> CommonFailures:
    """Return at most so many groups of trials that failed, the largest first."""
    groups = sorted(grouped_failures(failed), key=len, reverse=True)
    return CommonFailures(groups[:limit], sum(map(len, groups[limit:])))


def single_line(group: Sequence[TrialResult]) -> str:
    """Return `failure_line` without a break."""
    return ": ".join(part.strip() for part in failure_line(group).split("\n"))


def failure_line(group: Sequence[TrialResult]) -> str:
    """Return what trials say, once, and which they are."""
    first = group[0]
    if len(group) > 1:
        said = f"{len(group)} x {_status(first)}: {_message(first)}"
        return f"{said}\n   {name_trials(group)}"
    attempts = count_text(first.attempts, "attempt")
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
