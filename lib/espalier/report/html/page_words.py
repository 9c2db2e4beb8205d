"""What the page says in words: the best configuration, verdicts, claims, a race."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.analysis.claims.claim_judging import JudgedClaims
from espalier.analysis.rank import Configuration, swept_values
from espalier.core.texts.count_text import count_text
from espalier.core.texts.shortening import keep_first
from espalier.methods.apoptosis.neurons.lineage import TABLE
from espalier.report import sweep_analysis
from espalier.report.comparing.baseline_report import left_out, mean_lines
from espalier.report.comparing.claims_report import also_text, claim_numbers, when_sealed
from espalier.report.controls_report import events_text
from espalier.report.html.page_input import PageInput
from espalier.report.race_report import configuration_line, groups, heading, how_ended
from espalier.report.ranking_rows import (
    best_per_target,
    describe_flaws,
    format_measure,
    settings,
)
from espalier.report.sampler_report import sampler_lines
from espalier.report.stopping_report import stop_lines

COUNTED = ("growth_events", "edges_added", "edges_dropped", "births", "deaths")
"""Measures that count what grew and what was exchanged."""
NAMED = 20
"""Configurations of a race, of events or of a list of ties that the page names in words."""


def state(page: PageInput) -> list[str]:
    """Return how far the sweep is, in sentences."""
    return sweep_analysis.counts(page.results, page.header.refused)


def best(page: PageInput) -> str:
    """Return which configuration is best and how good it is, or why none is."""
    ranking = page.ranking
    item = ranking.best
    if item is None:
        return "No configuration is ranked: " + sweep_analysis.nothing(ranking)
    score = format_measure(item, ranking.measure)
    return f"Best by {ranking.measure.label}: {item.first.name}, {score}"


def best_values(page: PageInput) -> list[str]:
    """Return the swept values of the best configuration."""
    item = page.ranking.best
    return [] if item is None else settings(swept_values(item.first))


def standing(page: PageInput) -> list[str]:
    """Return how others compare with the best, and what is to be known about it."""
    ranking = page.ranking
    item = ranking.best
    if item is None:
        return []
    flaws = list(filter(None, [describe_flaws(item, ranking)]))
    total = len(ranking.ranked) - 1
    counts = sweep_analysis.beside_best(ranking).items()
    return flaws + [f"{what}: {count} of {total} others" for what, count in counts if count]


def method(page: PageInput) -> list[str]:
    """Return what the ranking is by and what speaks against it, a paragraph each."""
    return paragraphs(sweep_analysis.method(page.ranking))


def sampler(page: PageInput) -> list[str]:
    """Return which sampler chose the configurations and from what, a paragraph each."""
    return paragraphs(sampler_lines(page.header.design))


def targets(page: PageInput) -> list[str]:
    """Return the best configuration for each target sparsity, if there are several."""
    return [line for line in best_per_target(page.ranking)[2:] if line]


def paragraphs(lines: Sequence[str]) -> list[str]:
    """Return lines with those that are indented joined to the one before them."""
    joined: list[str] = []
    for line in lines:
        if line.startswith(" ") and joined:
            joined[-1] += " " + line.strip()
        else:
            joined.append(line)
    return joined


def stopped(page: PageInput) -> list[str]:
    """Return what was stopped early and where, a sentence each."""
    return [] if page.stopping is None else stop_lines(page.stopping)


def claims(page: PageInput) -> list[dict[str, str]]:
    """Return the claims with their status, reason and numbers."""
    judged = page.judged
    return [
        {
            "status": item.status.value,
            "claim": item.text,
            "why": "; ".join(filter(None, [item.why, also_text(item)])),
            "n": claim_numbers(item),
        }
        for item in (judged.claims if judged else ())
    ]


def beside(page: PageInput) -> list[str]:
    """Return the means of the differences to a baseline, and who has none; empty without it."""
    table = page.beside
    return [] if table is None else keep_first([*mean_lines(table), *left_out(table)], NAMED)


def sealed(judged: JudgedClaims) -> str:
    """Return when claims were sealed, and the beginning of their hash."""
    return f"sealed {when_sealed(judged.seal.sealed)}, sha256 {judged.seal.sha256[:12]}"


def race(page: PageInput) -> list[tuple[str, list[str]]]:
    """Return the statuses of a race with a line for each configuration."""
    held = page.race
    if held is None:
        return []
    return [
        (
            heading(status, held),
            keep_first([configuration_line(item, held) for item in items], NAMED),
        )
        for status, items in groups(held)
        if items
    ]


def race_ended(page: PageInput) -> str:
    """Return how far a race is and what it cost; empty if the sweep is none."""
    held = page.race
    if held is None:
        return ""
    return f"{how_ended(held)}: {held.spent} trials spent, of {held.full} for all seeds of all"


def event_lines(page: PageInput) -> list[str]:
    """Return what growth and exchanges of neurons did, a line a configuration that had any."""
    texts = [(item, _events(item)) for item in page.ranking.ranked]
    lines = [
        f"{item.first.name} {' '.join(settings(swept_values(item.first), ''))}: {text}"
        for item, text in texts
        if text
    ]
    return keep_first(lines, NAMED)


def _events(item: Configuration) -> str:
    """Return the counts of a configuration's events and what they did; empty if it had none."""
    means = [(name, item.measure(name)) for name in COUNTED]
    counts = [f"{name.replace('_', ' ')} {mean.mean:.5g}" for name, mean in means if mean]
    return "; ".join(filter(None, [events_text(item), ", ".join(counts)]))


def lineages(page: PageInput) -> str:
    """Return how many trials left a table of births and deaths, and the first; empty if none."""
    names = [page.directories[item.trial.number] for item in page.results]
    left = [f"{name}/{TABLE}" for name in names if (page.folder / name / TABLE).is_file()]
    trials = count_text(len(left), "trial")
    return f"{trials} left a table of births and deaths; the first: {left[0]}" if left else ""
