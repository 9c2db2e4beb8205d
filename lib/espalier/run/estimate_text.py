"""An estimate for people, a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from espalier.core.trial import Trial
from espalier.plan.stopping.stop_rules import stop_rules
from espalier.run.cost_model import Estimate, Span, Speed
from espalier.run.displays.progress import duration


@dataclass(frozen=True)
class Findings:
    """Speeds and pack sizes by shape, and `warming`, the seconds until the workers are warm."""

    speeds: Mapping[str, Speed]
    packs: Mapping[str, int]
    warming: float
    bytes: float  # of all trials
    notes: Sequence[str]


def format_estimate(
    trials: Sequence[Trial], estimate: Estimate, findings: Findings, workers: int
) -> list[str]:
    """Return an estimate as lines."""
    count, warming = len(trials), findings.warming
    wall = describe_range(estimate.wall + Span(warming, warming))
    single = describe_range(Span(estimate.shortest.low, estimate.longest.high))
    return [
        f"Trials: {count}",
        f"Time: {wall}, {workers} at a time; {duration(warming)} of it until the workers are warm",
        f"A trial takes {single}; all, one after the other, {describe_range(estimate.compute)}",
        f"Disk: about {_size(findings.bytes)} ({_size(findings.bytes / count)} a trial)",
        *_packs(findings.packs),
        *findings.notes,
        *_early(trials),
    ]


def _packs(packs: Mapping[str, int]) -> list[str]:
    largest = max(packs.values())
    return [f"Up to {largest} trials are trained as one program"] if largest > 1 else []


def _early(trials: Sequence[Trial]) -> list[str]:
    stops = any(trial.config.get("EARLY_STOP_PATIENCE", "0") != "0" for trial in trials)
    return ["Trials may stop early (CONFIG_EARLY_STOP_PATIENCE): then it is less"] if stops else []


def stop_notes(settings: Mapping[str, str]) -> list[str]:
    """Return a note if a plan with these settings trains few of its trials to their end."""
    rules = stop_rules(settings)
    if rules is None:
        return []
    return [f"Configurations stop at rungs (CONFIG_STOP={rules.rule}): then it is much less"]


def describe_range(span: Span) -> str:
    """Return both ends of a range of seconds, or one if they look alike."""
    low, high = duration(span.low), duration(span.high)
    return f"about {low}" if low == high else f"{low} to {high}"


def _size(number: float) -> str:
    for unit in ("B", "KB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
